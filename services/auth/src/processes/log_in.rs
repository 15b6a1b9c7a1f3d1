//! Logging in. It takes several steps, because no transaction may be held while a password is hashed: find the account,
//! admit the attempt, check the password, note the login, sign a token.
//! The rule: an account that does not exist gets the same answers after the same work as one that does.

use kernel::{Clock, OrganisationId, Secret, Slug, UserId};
use mediator::{Mediator, Platform, Scope, SendError};

use crate::{
    commands::{AdmitLogin, NoteLogin},
    credentials::Credentials,
    domain::{AccountDigest, Admission, Email, Password},
    error::Error,
    queries::FindAccount,
};

/// The account that somebody wants to log in to, and the password that they gave.
#[derive(Debug)]
pub struct LogIn {
    /// The organisation's slug.
    pub organisation: Slug,
    /// The address of the account.
    pub email: Email,
    /// The password to check.
    pub password: Password,
}

/// A login that succeeded.
#[derive(Debug)]
pub struct Session {
    /// The access token.
    pub token: Secret,
    /// The organisation that the account belongs to.
    pub organisation: OrganisationId,
    /// The user who logged in.
    pub user: UserId,
}

impl LogIn {
    /// Logs in, or refuses without saying which part was wrong.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, `Hashing`, `Signing` and `Storage`.
    pub async fn run(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Session, SendError<Error>> {
        let find = FindAccount { organisation: self.organisation, email: self.email.clone() };
        let Some((organisation, account)) = mediator.ask(visitor, find).await? else {
            // Which slugs exist is public, so no attempt is counted here; it still takes as long as a wrong password.
            credentials.hasher.verify(None, self.password).await?;
            return Err(Error::LoginRefused.into());
        };
        let (scope, digest) = (visitor.within(organisation), AccountDigest::of(&self.email));
        if let Admission::Locked { until } = mediator.send(&scope, AdmitLogin { account: digest }).await? {
            return Err(Error::LoginLocked { until }.into());
        }
        let hash = account.as_ref().map(|account| account.password.clone());
        let matches = credentials.hasher.verify(hash, self.password).await?;
        let Some(account) = account.filter(|_| matches) else { return Err(Error::LoginRefused.into()) };
        mediator.send(&scope, NoteLogin { user: account.user, account: digest }).await?;
        let standing = access::Standing {
            session: kernel::SessionId::new(),
            membership: kernel::MembershipId::from_uuid(account.user.uuid()),
            version: 1,
        };
        let permissions =
            account.roles.iter().fold(access::Permissions::NONE, |all, role| all.union(role.permissions()));
        let bearer = access::Bearer::Person { user: account.user, standing };
        let token = credentials.issuer.issue(&access::Grant { bearer, organisation, permissions }, Clock::now())?;
        tracing::info!(organisation = %organisation, user = %account.user, "logged in");
        Ok(Session { token, organisation, user: account.user })
    }
}
