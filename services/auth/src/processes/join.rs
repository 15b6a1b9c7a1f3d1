//! Joining an organisation with an invitation: whoever has an account proves it with its password, whoever has none makes one.
//! The rule: the token is looked at first, so only whoever holds it learns whether its address has an account.

use kernel::{Secret, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::{
    entry::{Entry, Tokens, open},
    log_in::{Aim, LogIn},
    proof::Proof,
};
use crate::{
    commands::AcceptInvitation,
    credentials::{Credentials, InvitationToken},
    domain::{Email, Name, NewPerson, Password},
    error::Error,
    queries::{FindAccount, FindOffer},
};

/// The acceptance of an invitation.
#[derive(Debug)]
pub struct Join {
    /// The invitation's token.
    pub token: Secret,
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
        let offer = FindOffer { invitation: token.id, token_hash: token.hash() };
        let email = mediator.ask(visitor, offer).await?;
        let known = self.prove_known(mediator, credentials, visitor, &email).await?;
        let name = self.name_of_new(&email, known.is_some())?;
        // Of somebody who is known, the hash is only carried along.
        let password = match &known {
            Some((_, proof)) => proof.verified.clone(),
            None => credentials.hasher.hash(self.password.clone()).await?,
        };
        let accept = AcceptInvitation {
            invitation: token.id,
            token_hash: token.hash(),
            person: NewPerson { id: UserId::new(), email, name },
            password: password.clone(),
            known: known.as_ref().map(|(user, proof)| (*user, proof.verified.clone())),
        };
        let (organisation, user) = mediator.send(visitor, accept).await?;
        let account = mediator.ask(visitor, FindAccount::ByUser(user)).await?.ok_or(Error::UnknownUser { user })?;
        let seat = account.seats.into_iter().find(|seat| seat.organisation == organisation);
        let entry = Entry::Seat(user, seat.ok_or(Error::NoOrganisation)?);
        let proof = known.map_or_else(|| Proof::of_new(password), |(_, proof)| proof);
        open(mediator, credentials, visitor, &entry, proof, &self.origin).await
    }

    /// Who has the address, if somebody has and this is the account's password.
    async fn prove_known(
        &self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
        email: &Email,
    ) -> Result<Option<(UserId, Proof)>, SendError<Error>> {
        if mediator.ask(visitor, FindAccount::ByEmail(email.clone())).await?.is_none() {
            return Ok(None);
        }
        let (password, origin) = (self.password.clone(), self.origin.clone());
        let log_in = LogIn { aim: Aim::OnlyOrganisation, email: email.clone(), password, client_token: None, origin };
        let (account, proof) = log_in.prove(mediator, credentials, visitor).await?;
        Ok(Some((account.user, proof)))
    }

    /// The name of a person who is made, whose password has to be a good one. Without a name it is the address's first part.
    fn name_of_new(&self, email: &Email, known: bool) -> Result<Name, Error> {
        let own = email.as_str().split('@').next().unwrap_or_default();
        let name = self.name.clone().map_or_else(|| Name::parse(own).map_err(|_| Error::TokenRefused), Ok)?;
        if !known {
            self.password.check_choice(&[email.as_str(), name.as_str()]).map_err(Error::PasswordTooWeak)?;
        }
        Ok(name)
    }
}
