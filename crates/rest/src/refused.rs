//! The line in the log for a request that was refused, by a service or by the gateway.
//! The rule: it says nothing that the client sent but the method, and a flood of refusals is not one of lines.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem_type::ProblemType;

/// The most lines that one process writes in a second. Beyond that, refusals are only counted.
const LINES_PER_SECOND: u64 = 100;

static LINES: Mutex<Lines> = Mutex::new(Lines { since: None, seen: 0 });

/// Writes the line, at level info, by which the `request_id` of a refusal is found. What happened stands in `kind`; the
/// request's own words stay out of the log.
pub fn log(request_id: &str, method: &str, kind: ProblemType) {
    let turn = LINES.lock().unwrap_or_else(PoisonError::into_inner).turn(Instant::now());
    if turn.left_out > 0 {
        tracing::info!(left_out = turn.left_out, "more requests were refused than the log shows");
    }
    if turn.shown {
        tracing::info!(request_id, method, status = kind.status(), problem = kind.slug(), "the request was refused");
    }
}

/// What was refused in the current second.
struct Lines {
    since: Option<Instant>,
    seen: u64,
}

/// Whether this refusal gets its line, and how many of the seconds before got none that nobody has told of yet.
#[derive(Debug, PartialEq, Eq)]
struct Turn {
    shown: bool,
    left_out: u64,
}

impl Lines {
    fn turn(&mut self, now: Instant) -> Turn {
        let mut left_out = 0;
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            left_out = self.seen.saturating_sub(LINES_PER_SECOND);
            *self = Self { since: Some(now), seen: 0 };
        }
        self.seen += 1;
        Turn { shown: self.seen <= LINES_PER_SECOND, left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_writes_a_hundred_lines_a_second_and_says_how_many_it_left_out() {
        let mut lines = Lines { since: None, seen: 0 };
        let begun = Instant::now();
        let shown = (0..5_000).filter(|_| lines.turn(begun).shown).count();
        assert_eq!(shown, 100);
        let next = lines.turn(begun + Duration::from_secs(1));
        assert_eq!(next, Turn { shown: true, left_out: 4_900 });
        assert_eq!(lines.turn(begun + Duration::from_secs(9)), Turn { shown: true, left_out: 0 });
    }
}
