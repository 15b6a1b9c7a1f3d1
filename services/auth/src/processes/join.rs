//! Joining an organisation with an invitation: whoever has an account proves it with its password, whoever has none makes one.

use kernel::{OrganisationId, Secret, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::log_in::{LogIn, Tokens, open};
use crate::{
    commands::AcceptInvitation,
    credentials::{Credentials, InvitationToken},
    domain::{Email, Name, NewPerson, Password},
    error::Error,
    queries::FindAccount,
};

/// The acceptance of an invitation.
#[derive(Debug)]
pub struct Join {
    /// The invitation's token.
    pub token: Secret,
    /// The invited address.
    pub email: Email,
    /// The name of a person who has no account yet.
    pub name: Option<Name>,
    /// The account's password, or the one of the new account.
    pub password: Password,
    /// Where the request comes from.
    pub origin: Origin,
}

impl Join {
    /// Joins, and logs in to the organisation that was joined.
    ///
    /// # Errors
    /// `TokenRefused`, `LoginRefused`, `LoginLocked`, `AlreadyMember`, `PasswordTooWeak`, `Hashing`, `Signing` and `Storage`.
    pub async fn run(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Tokens, SendError<Error>> {
        let token = InvitationToken::parse(self.token.expose()).ok_or(Error::TokenRefused)?;
        let known = self.prove_known(mediator, credentials, visitor).await?;
        let person = NewPerson { id: UserId::new(), email: self.email.clone(), name: self.name_of_new(known)? };
        let password = credentials.hasher.hash(self.password.clone()).await?;
        let accept = AcceptInvitation { invitation: token.id, token_hash: token.hash(), person, password, known };
        let (organisation, user) = mediator.send(visitor, accept).await?;
        self.enter(mediator, credentials, visitor, organisation, user).await
    }

    /// Who has the address, if somebody has and this is the password; none if nobody has.
    async fn prove_known(
        &self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Option<UserId>, SendError<Error>> {
        if mediator.ask(visitor, FindAccount::ByEmail(self.email.clone())).await?.is_none() {
            return Ok(None);
        }
        let proven = self.log_in().prove(mediator, credentials, visitor).await?;
        Ok(Some(proven.account.user))
    }

    fn name_of_new(&self, known: Option<UserId>) -> Result<Name, Error> {
        let own = self.email.as_str().split('@').next().unwrap_or_default();
        let name = self.name.clone().map_or_else(|| Name::parse(own).map_err(|_| Error::TokenRefused), Ok)?;
        if known.is_none() {
            let words = [self.email.as_str(), name.as_str()];
            self.password.check_choice(&words).map_err(Error::PasswordTooWeak)?;
        }
        Ok(name)
    }

    async fn enter(
        &self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
        organisation: OrganisationId,
        user: UserId,
    ) -> Result<Tokens, SendError<Error>> {
        let proven = self.log_in().prove(mediator, credentials, visitor).await?;
        let seat = proven.account.seats.iter().find(|seat| seat.organisation == organisation).cloned();
        let seat = seat.ok_or(Error::UnknownUser { user })?;
        open(mediator, credentials, visitor, proven, &seat, &self.origin).await
    }

    fn log_in(&self) -> LogIn {
        LogIn {
            organisation: None,
            email: self.email.clone(),
            password: self.password.clone(),
            client_token: None,
            origin: self.origin.clone(),
        }
    }
}
