//! Logging in as somebody who works for an organisation, or runs the installation. It takes several steps, because no
//! transaction may be held while a password is hashed: find the account, admit the attempt, check the password, open a
//! session, sign a token.

use kernel::{Secret, Slug, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::{
    entry::{Entry, Tokens, open},
    proof::{Guess, Proof, prove},
};
use crate::{
    commands::ForgiveAttempt,
    credentials::{Credentials, Lane},
    domain::{Email, Password, Seat},
    error::Error,
    queries::{Account, FindAccount},
};

/// The account that somebody wants to log in to, and the password that they gave.
#[derive(Debug)]
pub struct LogIn {
    /// Where to.
    pub aim: Aim,
    /// The address of the account.
    pub email: Email,
    /// The password to check.
    pub password: Password,
    /// What the client was given when it logged in before.
    pub client_token: Option<Secret>,
    /// Where the attempt comes from.
    pub origin: Origin,
}

/// Where somebody logs in to.
#[derive(Debug)]
pub enum Aim {
    /// The organisation of this slug.
    Organisation(Slug),
    /// The only organisation that the account works for.
    OnlyOrganisation,
    /// The installation itself.
    Installation,
}

impl LogIn {
    /// Logs in, or refuses without saying which part was wrong.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, `OrganisationNotChosen`, `NoOrganisation`, `Hashing`, `Signing` and
    /// `Storage`.
    pub async fn run(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Tokens, SendError<Error>> {
        let (account, proof) = self.prove(mediator, credentials, visitor).await?;
        let entry = match &self.aim {
            Aim::Installation if account.is_operator => Entry::Operator(account.user),
            // The same words as for a wrong password: who runs the installation is no stranger's business.
            Aim::Installation => return Err(Error::LoginRefused.into()),
            Aim::Organisation(slug) => Entry::Seat(account.user, choose(&account, Some(slug))?.clone()),
            Aim::OnlyOrganisation => match choose(&account, None) {
                Ok(seat) => Entry::Seat(account.user, seat.clone()),
                // The password was right, so it is no guess.
                Err(error) => {
                    mediator.send(visitor, ForgiveAttempt { subjects: proof.subjects }).await?;
                    return Err(error.into());
                }
            },
        };
        open(mediator, credentials, visitor, &entry, proof, &self.origin).await
    }

    /// Checks the password, within the limits for guessing.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, `Hashing` and `Storage`.
    pub(super) async fn prove(
        &self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<(Account, Proof), SendError<Error>> {
        let account = mediator.ask(visitor, FindAccount::ByEmail(self.email.clone())).await?;
        let known = account.as_ref().map(Account::proven_by);
        let (password, client_token, origin) = (&self.password, self.client_token.as_ref(), &self.origin);
        let lane = Lane::Stranger;
        let guess = Guess { account: self.email.as_str(), known, password, client_token, origin, lane };
        let proof = prove(mediator, credentials, visitor, guess).await?;
        // A password is right only where there is an account.
        Ok((account.ok_or(Error::LoginRefused)?, proof))
    }
}

/// The account that has this address, if this is its password; for whoever makes an organisation or an operator. The
/// secret of the installation opens nobody's account, so attempts are limited as those of a login are.
///
/// # Errors
/// `LoginLocked`, `Hashing` and `Storage`.
pub async fn prove_owner(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    (email, password): (&Email, &Password),
    origin: &Origin,
) -> Result<Option<UserId>, SendError<Error>> {
    let Some(account) = mediator.ask(visitor, FindAccount::ByEmail(email.clone())).await? else { return Ok(None) };
    let known = Some(account.proven_by());
    let lane = Lane::Known;
    let guess = Guess { account: email.as_str(), known, password, client_token: None, origin, lane };
    match prove(mediator, credentials, visitor, guess).await {
        Ok(proof) => {
            mediator.send(visitor, ForgiveAttempt { subjects: proof.subjects }).await?;
            Ok(Some(account.user))
        }
        Err(SendError::Failed(Error::LoginRefused)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The organisation that the session is for: the one that was named, or the only one. One that is suspended can be named,
/// and is chosen where there is no other: its people still look after their own accounts.
fn choose<'a>(account: &'a Account, named: Option<&Slug>) -> Result<&'a Seat, Error> {
    if let Some(slug) = named {
        // A wrong name is answered like a wrong password, so that it does not tell whether the password was right.
        return account.seats.iter().find(|seat| seat.slug == *slug).ok_or(Error::LoginRefused);
    }
    let (active, suspended): (Vec<_>, Vec<_>) = account.seats.iter().partition(|seat| seat.active);
    match if active.is_empty() { suspended } else { active }[..] {
        [only] => Ok(only),
        [] => Err(Error::NoOrganisation),
        ref several => {
            let organisations = several.iter().map(|seat| seat.slug.clone()).collect();
            Err(Error::OrganisationNotChosen { organisations })
        }
    }
}
