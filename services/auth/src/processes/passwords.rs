//! Choosing a new password: by giving the former one, or with a token that was delivered to the account's address.
//! The rule: nobody learns from an answer, or from how long it takes, whether an address has an account.

use access::Caller;
use kernel::{Secret, SessionId, UserId};
use mediator::{Mediator, Platform, Scope, SendError};

use crate::{
    commands::{AdmitLogin, ChangePassword, RequestPasswordReset, ResetPassword},
    credentials::{Credentials, ResetToken},
    domain::{Admission, Email, Password, Subject},
    error::Error,
    queries::{Account, FindAccount, FindOwnAccount, FindReset},
};

/// Replaces the password of somebody who is logged in; replies how many other sessions that ended.
///
/// # Errors
/// `PasswordRefused`, `LoginLocked`, `PasswordTooWeak`, `Hashing` and `Storage`.
pub async fn change(
    mediator: &Mediator,
    credentials: &Credentials,
    person: &Scope<Platform>,
    (user, session): (UserId, SessionId),
    current: Password,
    new: Password,
) -> Result<usize, SendError<Error>> {
    let account = mediator.ask(person, FindOwnAccount { user }).await?;
    // Whoever has a token but not the password may guess no more than anybody else.
    let subjects = Subject::of_known_client(account.email.as_str(), session.uuid().as_bytes());
    let attempt = AdmitLogin { subjects, owner: Some((user, account.email.clone())) };
    if let Admission::Locked { until } =
        mediator.send(&Scope { caller: Caller::Visitor, ..person.clone() }, attempt).await?
    {
        return Err(Error::LoginLocked { until }.into());
    }
    let verified = account.password.clone();
    if !credentials.hasher.verify(Some(verified.clone()), current).await? {
        return Err(Error::PasswordRefused.into());
    }
    check_choice(&new, &account)?;
    let password = credentials.hasher.hash(new).await?;
    mediator.send(person, ChangePassword { user, email: account.email, session, verified, password }).await
}

/// Has a token delivered, if the address has an account. It runs after the client was answered, so its time tells nothing.
///
/// # Errors
/// `Sealing` and `Storage`.
pub async fn request_reset(
    mediator: &Mediator,
    visitor: &Scope<Platform>,
    email: Email,
) -> Result<(), SendError<Error>> {
    let Some(account) = mediator.ask(visitor, FindAccount::ByEmail(email)).await? else { return Ok(()) };
    let token = ResetToken::random(account.user)?;
    let (user, email, token_hash) = (account.user, account.email, token.hash());
    mediator.send(visitor, RequestPasswordReset { user, email, token: token.text(), token_hash }).await
}

/// Replaces a password by a delivered token; replies how many sessions that ended.
///
/// # Errors
/// `TokenRefused`, `PasswordTooWeak`, `Hashing` and `Storage`.
pub async fn reset(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    token: &Secret,
    new: Password,
) -> Result<usize, SendError<Error>> {
    let token = ResetToken::parse(token.expose()).ok_or(Error::TokenRefused)?;
    // First, so that only whoever holds the token learns anything or costs any work.
    let reset = FindReset { user: token.id, token_hash: token.hash() };
    if !mediator.ask(visitor, reset).await? {
        return Err(Error::TokenRefused.into());
    }
    let account = mediator.ask(visitor, FindAccount::ByUser(token.id)).await?.ok_or(Error::TokenRefused)?;
    check_choice(&new, &account)?;
    let password = credentials.hasher.hash(new).await?;
    let (user, email, token_hash) = (account.user, account.email, token.hash());
    mediator.send(visitor, ResetPassword { user, email, token_hash, password }).await
}

fn check_choice(new: &Password, account: &Account) -> Result<(), Error> {
    new.check_choice(&[account.email.as_str(), account.name.as_str()]).map_err(Error::PasswordTooWeak)
}
