//! The idle connections of one worker to one replica, and the name that new ones connect to.
//!
//! The rule it keeps: the newest is used first, so that a quiet pool shrinks; none is used that its service may be
//! closing.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::name::Name;

/// Services close an idle connection after five seconds at the earliest: it is dropped here before.
const IDLE_LIMIT: Duration = Duration::from_secs(4);
/// Idle connections kept per worker and replica.
const CAPACITY: usize = 256;

/// Idle connections, oldest at the front.
#[derive(Default)]
pub(super) struct Pool {
    /// The name that new connections connect to.
    pub(super) name: Name,
    idle: RefCell<VecDeque<Connection>>,
}

impl Pool {
    /// A connection that is still open, if there is one.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(connection) = idle.pop_back() {
            if connection.idle_since.elapsed() > IDLE_LIMIT {
                idle.clear();
                return None;
            }
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose exchange is complete, and closes one that cannot carry another.
    pub(super) fn put(&self, mut connection: Connection) {
        // Not ready: it is closing, or its request's body is still being sent after an early answer.
        if !connection.sender.is_ready() {
            return;
        }
        let now = Instant::now();
        connection.reused = true;
        connection.idle_since = now;
        let mut idle = self.idle.borrow_mut();
        while idle.front().is_some_and(|oldest| now - oldest.idle_since > IDLE_LIMIT) {
            idle.pop_front();
        }
        if idle.len() < CAPACITY {
            idle.push_back(connection);
        }
    }

    /// Closes all of them: the replica failed, and may come back at another address.
    pub(super) fn clear(&self) {
        self.name.forget();
        self.idle.borrow_mut().clear();
    }
}
