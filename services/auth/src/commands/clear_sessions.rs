//! Removes reset tokens that have expired and sessions that are long over, and takes back what was published of those that were ended.

use std::time::Duration;

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use crate::{
    error::Error,
    published,
    store::{password_resets, sessions},
};

/// The most sessions of one transaction.
const LIMIT: i64 = 500;
/// The version of a session's removal; its end is the first version.
const REMOVAL: i64 = 2;

/// Removes sessions that have been over for so long that no access token of them can be valid. Replies how many were
/// removed; when it is the limit, there may be more.
#[derive(Debug, Clone)]
pub struct ClearSessions {
    /// How long after its end a session is kept: the life of an access token and a margin.
    pub kept: Duration,
    /// A session that was not used for this long is over.
    pub idle: Duration,
}

impl ClearSessions {
    /// Whether there may be more after this many were removed.
    #[must_use]
    pub fn leaves_more(removed: usize) -> bool {
        i64::try_from(removed).is_ok_and(|removed| removed >= LIMIT)
    }
}

impl Command for ClearSessions {
    const NAME: &'static str = "auth.clear-sessions";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        let now = Clock::now();
        password_resets::delete_expired(tx, now).await?;
        let (removed, ended) = sessions::delete_over(tx, now - self.kept, self.idle, LIMIT).await?;
        for (session, at) in ended {
            tx.record_removal(REMOVAL, &published::ended_session(session, at));
        }
        Ok(removed)
    }
}
