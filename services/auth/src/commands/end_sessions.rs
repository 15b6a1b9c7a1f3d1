//! Ends sessions of a person, so that their access tokens stop counting at every gateway.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::{Command, Platform, Tx};

use super::end;
use crate::{domain::Meant, error::Error};

/// Ends those of a person's open sessions that are meant, and replies how many there were.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// Whose sessions.
    pub user: UserId,
    /// Which of them.
    pub meant: Meant,
}

impl Command for EndSessions {
    const NAME: &'static str = "auth.end-sessions";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        let ended = end(tx, self.user, self.meant, Clock::now()).await?;
        match (ended, self.meant) {
            (0, Meant::One(session)) => Err(Error::UnknownSession { session }),
            (ended, _) => Ok(ended),
        }
    }
}
