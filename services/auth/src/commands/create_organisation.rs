//! Creates an organisation with its first owner. Nobody belongs to an organisation that does not exist yet, so the
//! platform creates it.

use access::Permission;
use kernel::{Clock, Currency, OrganisationId, Slug, UserId};
use mediator::{Command, IdempotencyKey, Platform, Tx};
use sha2::{Digest, Sha256};

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
    /// The id that the organisation will have; a request's follows from its key, see [`CreateOrganisation::identity`].
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

impl CreateOrganisation {
    /// The id of the organisation that a request with this key creates. It only names the new organisation: the command
    /// runs for the platform, where its reply is recorded. Because the key decides, a key whose recorded reply is past
    /// its time is refused and creates no second organisation.
    #[must_use]
    pub fn identity(key: &IdempotencyKey) -> OrganisationId {
        let digest = Sha256::new().chain_update("organisation").chain_update(key.as_str()).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        OrganisationId::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
    }
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
        let provenance = tx.provenance().clone();
        tx.record_within(
            organisation.id,
            &provenance,
            now,
            organisation.version,
            published::organisation(&organisation),
        );
        Ok(Membership { user, organisation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_one_organisation_and_for_the_same_one_in_every_release() {
        let identity = |key| CreateOrganisation::identity(&IdempotencyKey::parse(key).unwrap()).uuid();
        assert_ne!(identity("a"), identity("b"));
        assert_eq!(identity("a").to_string(), "1c1d4d53-2ce8-8599-9fe1-f5cd6aabd455");
    }
}
