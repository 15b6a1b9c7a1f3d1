//! Customers of a shop: making an account there, and logging in to it.
//! The rule: a shop's customers are no other shop's, and an address may have accounts in several.

use kernel::{CustomerId, OrganisationId, Secret, Slug};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::{
    entry::{Entry, Tokens, open},
    proof::{Guess, Proof, prove},
};
use crate::{
    commands::RegisterCustomer,
    credentials::{Credentials, Lane},
    domain::{Email, Name, Password, Subject},
    error::Error,
    queries::{CustomerKey, FindCustomer, FindShop},
};

/// Somebody at the door of a shop.
#[derive(Debug)]
pub struct AtShop {
    /// The shop's slug.
    pub shop: Slug,
    /// The address of the account.
    pub email: Email,
    /// The account's password, or the one that it shall have.
    pub password: Password,
    /// What the client was given when it logged in before.
    pub client_token: Option<Secret>,
    /// Where the request comes from.
    pub origin: Origin,
}

impl AtShop {
    /// Makes an account and logs in to it.
    ///
    /// # Errors
    /// `UnknownOrganisation`, `CustomerExists`, `PasswordTooWeak`, `Hashing`, `Signing` and `Storage`.
    pub async fn register(
        self,
        name: Name,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Tokens, SendError<Error>> {
        let organisation = mediator.ask(visitor, FindShop { slug: self.shop.clone() }).await?;
        let (customer, email) = (CustomerId::new(), self.email.clone());
        let words = [self.email.as_str(), name.as_str(), self.shop.as_str()];
        let password = credentials.hasher.choose(self.password.clone(), &words, Lane::Shop).await?;
        let proof = Proof::of_new(password.clone());
        let register = RegisterCustomer { organisation, customer, email, name, password };
        mediator.send(visitor, register).await?;
        let entry = Entry::Customer(customer, organisation);
        open(mediator, credentials, visitor, &entry, proof, &self.origin).await
    }

    /// Logs in, or refuses without saying which part was wrong.
    ///
    /// # Errors
    /// `UnknownOrganisation`, `LoginRefused`, `LoginLocked`, `Hashing`, `Signing` and `Storage`.
    pub async fn log_in(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Tokens, SendError<Error>> {
        let organisation: OrganisationId = mediator.ask(visitor, FindShop { slug: self.shop.clone() }).await?;
        let key = CustomerKey::Email(organisation, self.email.clone());
        let customer = mediator.ask(visitor, FindCustomer { key }).await?;
        let account = Subject::account_at_shop(organisation, &self.email);
        let known = customer.as_ref().map(|customer| customer.proven_by(organisation));
        let (password, client_token, origin) = (&self.password, self.client_token.as_ref(), &self.origin);
        let lane = Lane::Shop;
        let guess = Guess { account: &account, known, password, client_token, origin, lane };
        let proof = prove(mediator, credentials, visitor, guess).await?;
        let customer = customer.ok_or(Error::LoginRefused)?.view.id;
        open(mediator, credentials, visitor, &Entry::Customer(customer, organisation), proof, &self.origin).await
    }
}
