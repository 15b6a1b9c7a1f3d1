//! Replaces the refresh token of a session, or says what the presented one is worth.

use access::Permission;
use kernel::{Clock, SessionId};
use mediator::{Command, Platform, Tx};

use crate::{
    domain::{Holder, Session, SessionLife, Worth},
    error::Error,
    store::sessions,
};

/// Presents a refresh token.
#[derive(Debug, Clone)]
pub struct RefreshSession {
    /// The session that the token names.
    pub session: SessionId,
    /// SHA-256 of the token.
    pub presented: [u8; 32],
    /// SHA-256 of the token that follows it.
    pub successor: [u8; 32],
    /// How long sessions last.
    pub life: SessionLife,
    /// Who has the session from now on, and for which organisation; none when its holder may enter nowhere, which leaves the
    /// token as it is.
    pub holder: Option<Holder>,
}

impl Command for RefreshSession {
    const NAME: &'static str = "auth.refresh-session";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    /// The session, if there is one, and what the token is worth.
    type Reply = Option<(Session, Worth)>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Self::Reply, Error> {
        let now = Clock::now();
        let Some(session) = sessions::lock(tx, self.session).await? else { return Ok(None) };
        let worth = session.worth(&self.presented, &self.successor, self.life, now);
        let Some(holder) = self.holder else { return Ok(Some((session, worth))) };
        if holder.account() != session.holder.account() {
            return Ok(None);
        }
        let next = match worth {
            Worth::Current => Session { holder, ..session.rotated(self.successor, now) },
            // The second of two uses at once may turn the session, too.
            Worth::JustReplaced if holder != session.holder => Session { holder, ..session },
            Worth::JustReplaced | Worth::NotCurrent | Worth::Over => return Ok(Some((session, worth))),
        };
        sessions::save(tx, &next).await?;
        Ok(Some((next, worth)))
    }
}
