//! Ends sessions, so that their access tokens stop counting at every gateway.

use access::Permission;
use kernel::{Clock, CustomerId, UserId};
use mediator::{Command, Platform, Tx};

use super::end;
use crate::{
    domain::{LogsIn, Meant},
    error::Error,
};

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
        end_meant(tx, LogsIn::User(self.user), self.meant).await
    }
}

/// Ends those of a customer's open sessions that are meant, and replies how many there were.
#[derive(Debug, Clone)]
pub struct EndCustomerSessions {
    /// Whose sessions.
    pub customer: CustomerId,
    /// Which of them.
    pub meant: Meant,
}

impl Command for EndCustomerSessions {
    const NAME: &'static str = "auth.end-customer-sessions";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        end_meant(tx, LogsIn::Customer(self.customer), self.meant).await
    }
}

async fn end_meant(tx: &mut Tx<'_, Platform>, who: LogsIn, meant: Meant) -> Result<usize, Error> {
    let ended = end(tx, who, meant, Clock::now()).await?;
    match (ended, meant) {
        (0, Meant::One(session)) => Err(Error::UnknownSession { session }),
        (ended, _) => Ok(ended),
    }
}
