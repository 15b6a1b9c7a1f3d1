//! Makes the account of a customer in an organisation's shop.

use access::Permission;
use kernel::{Clock, CustomerId, OrganisationId};
use mediator::{Command, Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{Email, Name},
    error::Error,
    store::customers,
};

/// Makes a customer's account.
#[derive(Debug, Clone)]
pub struct RegisterCustomer {
    /// The organisation whose shop it is.
    pub organisation: OrganisationId,
    /// The id that the customer will have.
    pub customer: CustomerId,
    /// What the customer logs in with, unique in the shop.
    pub email: Email,
    /// The name that the shop's people see.
    pub name: Name,
    /// The hash of the customer's password.
    pub password: PasswordHash,
}

impl Command for RegisterCustomer {
    const NAME: &'static str = "auth.register-customer";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let named = (&self.email, &self.name);
        customers::insert(tx, self.organisation, self.customer, named, &self.password, Clock::now()).await
    }
}
