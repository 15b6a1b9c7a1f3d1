//! Choosing a new password: by giving the former one, or with a token that was delivered to the account's address.
//! The rule: nobody learns from an answer, or from how long it takes, whether an address has an account.

use access::Caller;
use kernel::{Malformed, OrganisationId, Secret, SessionId, Slug};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use crate::{
    commands::{AdmitLogin, ChangeCustomerPassword, ChangePassword, RequestPasswordReset, ResetPassword},
    credentials::{Credentials, CustomerResetToken, Lane, Opaque, PasswordHash, Purpose, ResetToken},
    domain::{AccountId, Admission, Email, Name, Password, Subject},
    error::Error,
    queries::{Account, CustomerKey, FindAccount, FindCustomer, FindShop, IsResetGood, KnownCustomer},
};

/// The account whose password is replaced.
struct Owned {
    account: AccountId,
    email: Email,
    name: Name,
    password: PasswordHash,
}

/// Replaces the password of somebody who is logged in; replies how many other sessions that ended.
///
/// # Errors
/// `SessionOver` when the account does not exist any more, `PasswordRefused`, `LoginLocked`, `PasswordTooWeak`, `Hashing` and
/// `Storage`.
pub async fn change(
    mediator: &Mediator,
    credentials: &Credentials,
    by: &Scope<Platform>,
    (account, session): (AccountId, SessionId),
    (current, new): (Password, Password),
) -> Result<usize, SendError<Error>> {
    let visitor = Scope { caller: Caller::Visitor, ..by.clone() };
    let owned = find(mediator, &visitor, account).await?.ok_or(Error::SessionOver)?;
    // Whoever has a token but not the password may guess no more than anybody else.
    let subjects = Subject::of_known_client(&account.uuid().to_string(), session.uuid().as_bytes());
    let attempt = AdmitLogin { subjects: subjects.clone(), known: Some((account, owned.email.clone())) };
    if let Admission::Locked { until } = mediator.send(&visitor, attempt).await? {
        return Err(Error::LoginLocked { until }.into());
    }
    let verified = owned.password.clone();
    if !credentials.hasher.verify(Some(verified.clone()), current.clone(), Lane::Known).await? {
        return Err(Error::PasswordRefused.into());
    }
    if current == new {
        return Err(
            Error::PasswordTooWeak(Malformed::new("password", "is the one that the account has already")).into()
        );
    }
    let password = credentials.hasher.choose(new, &owned.names(), Lane::Known).await?;
    let change = ChangePassword { account, email: owned.email, session, subjects, verified, password };
    match account {
        AccountId::Person(_) => mediator.send(by, change).await,
        AccountId::Customer(..) => mediator.send(by, ChangeCustomerPassword(change)).await,
    }
}

/// Has a token delivered, if the address has an account: a person's, or in the shop that is named a customer's. It runs after
/// the client was answered, so its time tells nothing.
///
/// # Errors
/// `UnknownOrganisation`, `Sealing` and `Storage`.
pub async fn request_reset(
    mediator: &Mediator,
    visitor: &Scope<Platform>,
    email: Email,
    shop: Option<Slug>,
) -> Result<(), SendError<Error>> {
    let owned = match shop {
        None => mediator.ask(visitor, FindAccount::ByEmail(email)).await?.map(Owned::from),
        Some(slug) => {
            let organisation = mediator.ask(visitor, FindShop { slug }).await?;
            let key = CustomerKey::Email(organisation, email);
            mediator.ask(visitor, FindCustomer { key }).await?.map(|customer| Owned::at_shop(customer, organisation))
        }
    };
    let Some(Owned { account, email, .. }) = owned else { return Ok(()) };
    let (token, token_hash) = match account {
        AccountId::Person(user) => written(&ResetToken::random(user)?),
        AccountId::Customer(customer, _) => written(&CustomerResetToken::random(customer)?),
    };
    mediator.send(visitor, RequestPasswordReset { account, email, token, token_hash }).await
}

/// Replaces a password by a delivered token: a person's, or in the shop that is named a customer's. Replies how many sessions
/// that ended.
///
/// # Errors
/// `UnknownOrganisation`, `TokenRefused`, `PasswordTooWeak`, `Hashing` and `Storage`.
pub async fn reset(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    (token, shop): (&Secret, Option<Slug>),
    (new, origin): (Password, &Origin),
) -> Result<usize, SendError<Error>> {
    let (account, token_hash) = match shop {
        None => {
            let token = ResetToken::parse(token.expose()).ok_or(Error::TokenRefused)?;
            (AccountId::Person(token.id), token.hash())
        }
        Some(slug) => {
            let organisation = mediator.ask(visitor, FindShop { slug }).await?;
            let token = CustomerResetToken::parse(token.expose()).ok_or(Error::TokenRefused)?;
            (AccountId::Customer(token.id, organisation), token.hash())
        }
    };
    // First, so that only whoever holds the token learns anything or costs any work.
    if !mediator.ask(visitor, IsResetGood { account, token_hash }).await? {
        return Err(Error::TokenRefused.into());
    }
    let owned = find(mediator, visitor, account).await?.ok_or(Error::TokenRefused)?;
    let password = credentials.hasher.choose(new, &owned.names(), Lane::Known).await?;
    // Whoever forgot the password has tried some, and may use the new one at once.
    let subjects = match account {
        AccountId::Person(_) => Subject::of_stranger(owned.email.as_str(), origin.address),
        AccountId::Customer(_, organisation) => {
            Subject::of_stranger(&Subject::account_at_shop(organisation, &owned.email), origin.address)
        }
    };
    mediator.send(visitor, ResetPassword { account, email: owned.email, token_hash, subjects, password }).await
}

/// A token as it is delivered and as it is stored.
fn written<K: Purpose>(token: &Opaque<K>) -> (Secret, [u8; 32]) {
    (token.text(), token.hash())
}

async fn find(
    mediator: &Mediator,
    visitor: &Scope<Platform>,
    account: AccountId,
) -> Result<Option<Owned>, SendError<Error>> {
    Ok(match account {
        AccountId::Person(user) => mediator.ask(visitor, FindAccount::ByUser(user)).await?.map(Owned::from),
        AccountId::Customer(customer, organisation) => {
            let key = CustomerKey::Id(organisation, customer);
            mediator.ask(visitor, FindCustomer { key }).await?.map(|customer| Owned::at_shop(customer, organisation))
        }
    })
}

impl Owned {
    fn at_shop(customer: KnownCustomer, organisation: OrganisationId) -> Self {
        let account = AccountId::Customer(customer.view.id, organisation);
        Self { account, email: customer.view.email, name: customer.view.name, password: customer.password }
    }

    /// What makes a bad password.
    fn names(&self) -> [&str; 2] {
        [self.email.as_str(), self.name.as_str()]
    }
}

impl From<Account> for Owned {
    fn from(account: Account) -> Self {
        let Account { user, email, name, password, .. } = account;
        Self { account: AccountId::Person(user), email, name, password }
    }
}
