//! Logging in. Several steps, because hashing a password must not hold a transaction: find the account, admit the guess,
//! check it, note it, sign. Known or unknown, an account gets the same answers after the same work.

use kernel::{Clock, OrganisationId, Slug, UserId};
use mediator::{Mediator, Scope, SendError};
use sha2::{Digest, Sha256};

use super::{AdmitLogin, NoteLogin};
use crate::{
    credentials::{Credentials, Signed},
    domain::{Email, Password, Verdict},
    error::Error,
    store::users,
};

/// Who says to be whom.
#[derive(Debug)]
pub struct LogIn {
    /// The organisation's slug.
    pub organisation: Slug,
    /// The address of the account.
    pub email: Email,
    /// The guess.
    pub password: Password,
}

/// A login that succeeded.
#[derive(Debug)]
pub struct Session {
    /// The token that proves it.
    pub token: Signed,
    /// For which organisation.
    pub organisation: OrganisationId,
    /// Who.
    pub user: UserId,
}

impl LogIn {
    /// Logs in, or refuses without saying which part was wrong.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, and what the database or the hash can fail with.
    pub async fn run(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope,
    ) -> Result<Session, SendError<Error>> {
        let mut system = mediator.system().await.map_err(Error::from)?;
        let found = users::find_account(&mut system, &self.organisation, &self.email).await?;
        system.commit().await.map_err(Error::from)?;
        let Some((organisation, known)) = found else {
            // Slugs are public, so this need not look like a locked account; the time is that of a wrong password.
            credentials.hasher.verify(None, self.password).await?;
            return Err(Error::LoginRefused.into());
        };
        let scope = Scope { organisation, ..visitor.clone() };
        let account = Sha256::digest(self.email.as_str()).into();
        if let Verdict::Locked { until } = mediator.send(&scope, AdmitLogin { account }).await? {
            return Err(Error::LoginLocked { until }.into());
        }
        let hash = known.as_ref().map(|known| known.password.clone());
        let right = credentials.hasher.verify(hash, self.password).await?;
        let Some(known) = known.filter(|_| right) else { return Err(Error::LoginRefused.into()) };
        mediator.send(&scope, NoteLogin { user: known.user, account }).await?;
        let token = credentials.issuer.issue(known.user, organisation, known.roles, Clock::now())?;
        tracing::info!(organisation = %organisation, user = %known.user, "logged in");
        Ok(Session { token, organisation, user: known.user })
    }
}
