//! The addresses behind a replica's name, for all connections that one worker opens to it.
//!
//! The rule it keeps: a burst of connections looks the name up once, not once each (200 lookups at once take longer
//! than a connection may), and a replica that failed is looked up again, because it may come back at another address.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::sync::Mutex;

/// How long the result of a lookup is used.
const LIFETIME: Duration = Duration::from_secs(2);

/// The addresses behind one `host:port`.
#[derive(Default)]
pub(super) struct Name {
    /// Locked during a lookup: other connections wait for its result.
    known: Mutex<Option<(Instant, Vec<SocketAddr>)>>,
    turn: Cell<usize>,
}

impl Name {
    /// All addresses, each time with another one first: several replicas may share one name.
    pub(super) async fn addresses(&self, authority: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = authority.parse() {
            return Ok(vec![address]);
        }
        self.asking(async || Ok(lookup_host(authority).await?.collect())).await
    }

    async fn asking(&self, ask: impl AsyncFnOnce() -> io::Result<Vec<SocketAddr>>) -> io::Result<Vec<SocketAddr>> {
        let mut known = self.known.lock().await;
        let mut addresses = match &*known {
            Some((since, addresses)) if since.elapsed() < LIFETIME => addresses.clone(),
            _ => {
                let mut found = ask().await?;
                // Name servers shuffle their answers; taking turns needs an order.
                found.sort_unstable();
                known.insert((Instant::now(), found)).1.clone()
            }
        };
        if !addresses.is_empty() {
            let turn = self.turn.get();
            self.turn.set(turn.wrapping_add(1));
            let first = turn % addresses.len();
            addresses.rotate_left(first);
        }
        Ok(addresses)
    }

    /// Makes the next connection look the name up again.
    pub(super) fn forget(&self) {
        // Locked: a lookup is running right now.
        if let Ok(mut known) = self.known.try_lock() {
            *known = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_connections_asks_once_and_spreads_over_what_it_hears() {
        let (name, asked) = (Name::default(), Cell::new(0));
        let ask = async || {
            asked.set(asked.get() + 1);
            tokio::task::yield_now().await;
            Ok(vec!["10.0.0.2:80".parse().unwrap(), "10.0.0.1:80".parse().unwrap()])
        };
        let heard = join_all((0..200).map(|_| name.asking(ask))).await;
        assert_eq!(asked.get(), 1);
        let first = "10.0.0.1:80".parse().unwrap();
        assert_eq!(heard.iter().filter(|heard| heard.as_ref().unwrap()[0] == first).count(), 100);

        name.forget();
        name.asking(ask).await.unwrap();
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test]
    async fn a_failed_lookup_is_not_kept_and_an_address_needs_none() {
        let name = Name::default();
        assert!(name.asking(async || Err(io::ErrorKind::NotFound.into())).await.is_err());
        assert!(name.asking(async || Ok(vec![])).await.unwrap().is_empty());
        assert_eq!(name.addresses("127.0.0.1:7104").await.unwrap(), ["127.0.0.1:7104".parse().unwrap()]);
    }
}
