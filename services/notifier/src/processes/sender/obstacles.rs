//! What this process knows to keep messages from being sent.
//! The rule: the database knows it, so every replica says the same. A line of the log says that it began, another that it
//! is over; `/readyz` and the metrics say that it lasts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Obstacle;

/// The most obstacles that `/readyz` names; the others are counted.
const NAMED: usize = 3;

/// The obstacles that were there when the sender looked last. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Obstacles(Arc<Mutex<BTreeSet<Obstacle>>>);

impl Obstacles {
    /// What `/readyz` says of those on Telegram; none while there are none.
    #[must_use]
    pub fn of_telegram(&self) -> Option<String> {
        self.notice(|obstacle| !matches!(obstacle, Obstacle::Mail { .. }))
    }

    /// What `/readyz` says of the SMTP server; none while it takes mail.
    #[must_use]
    pub fn of_mail(&self) -> Option<String> {
        self.notice(|obstacle| matches!(obstacle, Obstacle::Mail { .. }))
    }

    fn notice(&self, concerns: impl Fn(&Obstacle) -> bool) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known: Vec<String> = known.iter().filter(|one| concerns(one)).map(ToString::to_string).collect();
        let mut words = known.iter().take(NAMED).cloned().collect::<Vec<_>>();
        if known.len() > NAMED {
            words.push(format!("and {} more chats", known.len() - NAMED));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }

    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Takes over what there is now, and says what is new and what is over.
    pub(super) fn are(&self, found: impl IntoIterator<Item = Obstacle>) {
        let found: BTreeSet<Obstacle> = found.into_iter().collect();
        for of in ["token", "mail", "chat"] {
            let number = found.iter().filter(|obstacle| obstacle.of() == of).count();
            // Counts stay far below the 2^53 up to which this is exact.
            metrics::gauge!("notifier_obstacles", "of" => of).set(number as f64);
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for begun in found.difference(&known) {
            tracing::error!("{begun}; what is pending waits, and goes out by itself when that is mended");
        }
        for over in known.difference(&found) {
            tracing::info!("it is over that {over}");
        }
        *known = found;
    }
}
