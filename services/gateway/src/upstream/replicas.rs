//! The replicas of one service: whose turn it is, and which of them are paused.
//!
//! The rule it keeps: a replica that refused a connection is tried last for a short time; no request waits for it
//! twice.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use thiserror::Error;

/// The pause of a replica after its first failure; it grows with each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// Failures beyond this number do not lengthen the pause.
const LONGEST: u32 = 10;
/// The most replicas of a service: one bit each in a request's set of tried replicas.
const MOST: usize = 64;

/// Where one replica listens: `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
    /// The same as a header value, which is cheap to clone.
    host: HeaderValue,
}

/// The text is not an address of a replica.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not an address of a replica: write it as http://host:port, without a path")]
pub struct NoAddress(String);

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Address, NoAddress> {
        let wrong = || NoAddress(text.to_owned());
        let authority = text.trim().strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let plain = host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']' | b':'));
        if host.is_empty() || !plain || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        let host = HeaderValue::from_str(authority).map_err(|_| wrong())?;
        Ok(Address { authority: authority.to_owned(), host })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}", self.authority)
    }
}

#[derive(Debug)]
struct Replica {
    address: Address,
    /// The end of its pause, in milliseconds since `Replicas::start`.
    paused_until: AtomicU64,
    failures: AtomicU32,
}

/// The replicas of one service, shared by all workers.
#[derive(Debug)]
pub struct Replicas {
    start: Instant,
    all: Vec<Replica>,
    turn: AtomicUsize,
}

impl Replicas {
    /// At most 64 addresses; no address means that the service is not deployed.
    #[must_use]
    pub fn new(addresses: &[Address]) -> Replicas {
        Replicas {
            start: Instant::now(),
            all: addresses
                .iter()
                .take(MOST)
                .map(|address| Replica {
                    address: address.clone(),
                    paused_until: AtomicU64::new(0),
                    failures: AtomicU32::new(0),
                })
                .collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether the service is not deployed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `host:port` of one of them.
    #[must_use]
    pub fn authority(&self, index: usize) -> &str {
        &self.all[index].address.authority
    }

    /// The same as the value of a `Host` header.
    #[must_use]
    pub fn host(&self, index: usize) -> HeaderValue {
        self.all[index].address.host.clone()
    }

    /// The next in turn that is not in `tried` (a bit per replica); a paused one only when no other is left.
    #[must_use]
    pub fn next(&self, tried: u64) -> Option<usize> {
        let count = self.all.len();
        if count == 0 {
            return None;
        }
        let first = if count == 1 { 0 } else { self.turn.fetch_add(1, Ordering::Relaxed) % count };
        let now = self.milliseconds();
        let mut last_resort = None;
        for step in 0..count {
            let index = (first + step) % count;
            if tried & (1 << index) != 0 {
                continue;
            }
            if self.all[index].paused_until.load(Ordering::Relaxed) <= now {
                return Some(index);
            }
            last_resort = last_resort.or(Some(index));
        }
        last_resort
    }

    /// It answered: its pause ends.
    pub fn answered(&self, index: usize) {
        let replica = &self.all[index];
        // Reading is cheaper than writing memory that all workers share.
        if replica.failures.load(Ordering::Relaxed) != 0 {
            replica.failures.store(0, Ordering::Relaxed);
            replica.paused_until.store(0, Ordering::Relaxed);
            tracing::info!(replica = %replica.address, "the replica answers again");
        }
    }

    /// It refused a connection, or broke one: it is paused.
    pub fn failed(&self, index: usize, cause: &dyn fmt::Display) {
        let replica = &self.all[index];
        let failures = replica.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let pause = PAUSE * failures.min(LONGEST);
        let until = self.milliseconds() + u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        replica.paused_until.store(until, Ordering::Relaxed);
        if failures == 1 {
            tracing::warn!(replica = %replica.address, %cause, "the replica is out for a moment");
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Replicas {
        Replicas::new(&["http://a:1", "http://b:2", "http://c:3"].map(|text| text.parse().unwrap()))
    }

    #[test]
    fn they_take_turns() {
        let replicas = three();
        let turns: Vec<_> = (0..6).filter_map(|_| replicas.next(0)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn one_that_failed_is_asked_last_until_it_answers() {
        let replicas = three();
        replicas.failed(1, &"refused");
        assert!((0..6).filter_map(|_| replicas.next(0)).all(|index| index != 1));
        assert_eq!(replicas.next(0b101), Some(1));
        assert_eq!(replicas.next(0b111), None);
        replicas.answered(1);
        assert!((0..3).filter_map(|_| replicas.next(0)).any(|index| index == 1));
    }

    #[test]
    fn addresses_without_scheme_port_or_with_a_path_are_refused() {
        for text in ["a:1", "https://a:1", "http://a", "http://a:1/x", "http://:1", "http://a b:1", ""] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!("http://[::1]:80/".parse::<Address>().unwrap().authority, "[::1]:80");
    }
}
