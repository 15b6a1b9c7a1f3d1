//! Ends sessions, so that their access tokens stop counting at every gateway.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use super::end;
use crate::{
    domain::{AccountId, Meant},
    error::Error,
};

/// Ends those of a person's open sessions that are meant, and replies how many there were. The system may end anybody's.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// Whose sessions.
    pub account: AccountId,
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
        let ended = end(tx, self.account, self.meant, Clock::now()).await?;
        match (ended, self.meant) {
            (0, Meant::One(session)) => Err(Error::UnknownSession { session }),
            (ended, _) => Ok(ended),
        }
    }
}

/// [`EndSessions`] for customers.
#[derive(Debug, Clone)]
pub struct EndCustomerSessions(pub EndSessions);

impl Command for EndCustomerSessions {
    const NAME: &'static str = "auth.end-customer-sessions";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        self.0.execute(tx).await
    }
}
