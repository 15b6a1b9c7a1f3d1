//! The operators of the installation: the first one, and those that follow.
//! The rule: there is no default password. The first operator comes from the environment's secrets, from the setup token, or
//! from a one-time token that is printed when there is neither.

use kernel::{Id, Secret, UserId, kinds};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::log_in::prove_owner;
use crate::{
    NAME,
    commands::{CreateOperator, OfferSetup, Warrant},
    credentials::{Credentials, Lane, OneTimeSetupToken},
    domain::{NewOperator, NewPerson},
    error::Error,
    queries::{FindAccount, IsSetupTokenGood},
};

/// Makes an operator on behalf of somebody who presents a warrant.
///
/// # Errors
/// `SetupRefused`, `HasAccount`, `LoginLocked`, `PasswordTooWeak`, `Hashing` and `Storage`.
pub async fn create(
    new: NewOperator,
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    (warrant, origin): (Warrant, &Origin),
) -> Result<UserId, SendError<Error>> {
    // First, so that only whoever has a secret of the installation learns anything of an account, or costs it an attempt.
    if let Warrant::SetupToken(token_hash) = warrant
        && !mediator.ask(visitor, IsSetupTokenGood { token_hash }).await?
    {
        return Err(Error::SetupRefused.into());
    }
    let known = prove_owner(mediator, credentials, visitor, (&new.email, &new.password), origin).await?;
    let made = make(new, known, mediator, credentials, visitor, warrant).await?;
    Ok(made.ok_or(Error::SetupRefused)?)
}

async fn make(
    new: NewOperator,
    known: Option<UserId>,
    mediator: &Mediator,
    credentials: &Credentials,
    by: &Scope<Platform>,
    warrant: Warrant,
) -> Result<Option<UserId>, SendError<Error>> {
    let words = [new.email.as_str(), new.name.as_str()];
    let password = match known {
        Some(_) => credentials.hasher.hash(new.password, Lane::Known).await?,
        None => credentials.hasher.choose(new.password, &words, Lane::Known).await?,
    };
    let person = NewPerson { id: UserId::new(), email: new.email, name: new.name };
    mediator.send(by, CreateOperator { person, password, known, warrant }).await
}

/// What allows making an operator: the configured secret, or the one-time token that was printed.
///
/// # Errors
/// `SetupRefused` when the text can be neither.
pub fn warrant(credentials: &Credentials, presented: &str) -> Result<Warrant, Error> {
    if credentials.setup.check(presented).is_ok() {
        return Ok(Warrant::Configured);
    }
    let token = OneTimeSetupToken::parse(presented).ok_or(Error::SetupRefused)?;
    Ok(Warrant::SetupToken(token.hash()))
}

/// Makes the first operator from the environment, or prints a one-time token where nothing else would let anybody in.
///
/// # Errors
/// `HasAccount`, `PasswordTooWeak`, `Sealing`, `Hashing` and `Storage`.
pub async fn ensure_first(
    mediator: &Mediator,
    credentials: &Credentials,
    first: Option<NewOperator>,
) -> Result<(), SendError<Error>> {
    let system = Scope::platform_system(NAME);
    if let Some(first) = first {
        let email = first.email.clone();
        // The environment is no stranger: what others tried must not keep the service from starting.
        let known = match mediator.ask(&system, FindAccount::ByEmail(email.clone())).await? {
            Some(account) => {
                let right =
                    credentials.hasher.verify(Some(account.password), first.password.clone(), Lane::Known).await?;
                right.then_some(account.user)
            }
            None => None,
        };
        if let Some(user) = make(first, known, mediator, credentials, &system, Warrant::First).await? {
            tracing::info!(%user, %email, "made the first operator, as the environment says");
        }
        return Ok(());
    }
    let token = match credentials.setup.is_configured() {
        true => None,
        false => Some(OneTimeSetupToken::random(Id::<kinds::Token>::new())?),
    };
    let offer = OfferSetup { token_hash: token.as_ref().map(OneTimeSetupToken::hash) };
    if let (true, Some(token)) = (mediator.send(&system, offer).await?, token) {
        print(&token.text());
    }
    Ok(())
}

/// Prints the token where whoever starts the installation sees it. Whatever collects the standard output has it, too: it is
/// good once, and until there is an operator.
fn print(token: &Secret) {
    println!(
        "There is no operator yet. Make one with this token, which is good once and until the next start:\n  \
         POST /auth/v1/operators   X-Setup-Token: {}",
        token.expose()
    );
}
