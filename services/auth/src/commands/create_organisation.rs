//! Creates an organisation with its first owner. Nobody belongs to an organisation that does not exist yet, so the
//! platform creates it.

use access::Permission;
use kernel::{Clock, Currency, OrganisationId, Slug, UserId};
use mediator::{Command, Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{Email, Membership, Name, Organisation, User},
    error::Error,
    published,
    store::{organisations, users},
};

/// Creates an organisation and the user who owns it.
#[derive(Debug, Clone)]
pub struct CreateOrganisation {
    /// The id that the organisation will have.
    pub organisation: OrganisationId,
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// The name that people see.
    pub name: Name,
    /// What its prices are in unless they say otherwise.
    pub currency: Currency,
    /// The id that the owner will have.
    pub owner: UserId,
    /// What the owner logs in with.
    pub email: Email,
    /// The owner's name.
    pub owner_name: Name,
    /// The hash of the owner's password.
    pub password: PasswordHash,
}

impl Command for CreateOrganisation {
    const NAME: &'static str = "auth.create-organisation";
    const REQUIRES: Permission = Permission::SetUp;
    type Tenancy = Platform;
    type Reply = Membership;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Membership, Error> {
        let now = Clock::now();
        let organisation =
            Organisation::create(self.organisation, self.slug.clone(), self.name.clone(), self.currency, now);
        let user = User::owner(self.owner, self.email.clone(), self.owner_name.clone(), now);
        organisations::insert(tx, &organisation).await?;
        users::insert_owner(tx, organisation.id, &user, &self.password).await?;
        tx.record_within(organisation.id, organisation.version, published::organisation(&organisation));
        Ok(Membership { user, organisation })
    }
}
