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
    credentials::Credentials,
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
    /// `LoginRefused`, `LoginLocked`, `OrganisationNotChosen`, `NotAMember`, `NotAnOperator`, `Hashing`, `Signing` and
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
            Aim::OnlyOrganisation => Entry::Seat(account.user, choose(&account, None)?.clone()),
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
        let known = account.as_ref().map(|account| (account.user.uuid(), account.password.clone()));
        let owner = account.as_ref().map(|account| (account.user, account.email.clone()));
        let (password, client_token, origin) = (&self.password, self.client_token.as_ref(), &self.origin);
        let guess = Guess { account: self.email.as_str(), known, owner, password, client_token, origin };
        let proof = prove(mediator, credentials, visitor, guess).await?;
        // A password is right only where there is an account.
        Ok((account.ok_or(Error::LoginRefused)?, proof))
    }
}

/// The account that has this address, if this is its password; for whoever makes an organisation or an operator. Only who
/// has the installation's secret can ask, so it is not counted as an attempt.
///
/// # Errors
/// `Hashing` and `Storage`.
pub async fn prove_owner(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    email: &Email,
    password: &Password,
) -> Result<Option<UserId>, SendError<Error>> {
    let account = mediator.ask(visitor, FindAccount::ByEmail(email.clone())).await?;
    let Some(account) = account else { return Ok(None) };
    let matches = credentials.hasher.verify(Some(account.password), password.clone()).await?;
    Ok(matches.then_some(account.user))
}

/// The organisation that the session is for: the one that was named, or the only one.
fn choose<'a>(account: &'a Account, named: Option<&Slug>) -> Result<&'a Seat, Error> {
    match (named, account.seats.as_slice()) {
        // Which organisations somebody works for is no stranger's business; whoever gets here gave the password.
        (Some(slug), seats) => seats.iter().find(|seat| seat.slug == *slug).ok_or(Error::LoginRefused),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::NotAMember),
        (None, seats) => {
            let organisations = seats.iter().map(|seat| seat.slug.clone()).collect();
            Err(Error::OrganisationNotChosen { organisations })
        }
    }
}
