//! Joining an organisation with an invitation: whoever has an account proves it with its password, whoever has none makes one.
//! The rule: the token is looked at first, so only whoever holds it learns whether its address has an account.

use kernel::{Malformed, Secret, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::{
    entry::{Entry, Tokens, open},
    log_in::{Aim, LogIn},
    proof::Proof,
};
use crate::{
    commands::{AcceptInvitation, ForgiveAttempt},
    credentials::{Credentials, InvitationToken, Lane},
    domain::{Email, Name, NewPerson, Password},
    error::Error,
    queries::{Account, FindAccount, FindOffer},
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
    /// `TokenRefused`, `HasAccount`, `LoginLocked`, `AlreadyMember`, `FieldRefused`, `PasswordTooWeak`, `Hashing`, `Signing` and `Storage`.
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
        let (name, password) = match &known {
            // Of somebody who is known, they are only carried along.
            Some((account, proof)) => (account.name.clone(), proof.verified.clone()),
            None => {
                let name = self.name_of_new()?;
                let words = [email.as_str(), name.as_str()];
                let password = credentials.hasher.choose(self.password.clone(), &words, Lane::Stranger).await?;
                (name, password)
            }
        };
        let accept = AcceptInvitation {
            invitation: token.id,
            token_hash: token.hash(),
            person: NewPerson { id: UserId::new(), email, name },
            password: password.clone(),
            known: known.as_ref().map(|(account, proof)| (account.user, proof.verified.clone())),
        };
        let (organisation, user) = match mediator.send(visitor, accept).await {
            Ok(joined) => joined,
            Err(error) => {
                // The password was right, so it is no guess.
                if let Some((_, proof)) = known {
                    mediator.send(visitor, ForgiveAttempt { subjects: proof.subjects }).await?;
                }
                return Err(error);
            }
        };
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
    ) -> Result<Option<(Account, Proof)>, SendError<Error>> {
        if mediator.ask(visitor, FindAccount::ByEmail(email.clone())).await?.is_none() {
            return Ok(None);
        }
        let (password, origin) = (self.password.clone(), self.origin.clone());
        let log_in = LogIn { aim: Aim::OnlyOrganisation, email: email.clone(), password, client_token: None, origin };
        match log_in.prove(mediator, credentials, visitor).await {
            Ok(proven) => Ok(Some(proven)),
            // Whoever holds the token may know that there is an account.
            Err(SendError::Failed(Error::LoginRefused)) => Err(Error::HasAccount.into()),
            Err(error) => Err(error),
        }
    }

    /// The name of a person who is made.
    fn name_of_new(&self) -> Result<Name, Error> {
        let missing = || Malformed::new("name", "is needed, since the address has no account yet");
        self.name.clone().ok_or_else(missing).map_err(Error::FieldRefused)
    }
}
