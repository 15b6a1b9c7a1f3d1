//! Creates an organisation with its first owner.

use access::Permission;
use kernel::{Clock, Currency, OrganisationId, Slug, UserId};
use mediator::{Command, IdempotencyKey};
use persistence::Tx;
use sha2::{Digest, Sha256};

use crate::{
    credentials::PasswordHash,
    domain::{Email, Membership, Name, Organisation, User},
    error::Error,
    published,
    store::{organisations, users},
};

/// Creates the organisation of the transaction, and the user who owns it.
#[derive(Debug, Clone)]
pub struct CreateOrganisation {
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// The name that people see.
    pub name: Name,
    /// What its prices are in unless they say otherwise.
    pub currency: Currency,
    /// The identity that the owner will have.
    pub owner: UserId,
    /// What the owner logs in with.
    pub email: Email,
    /// The owner's name.
    pub owner_name: Name,
    /// The hash of the owner's password.
    pub password: PasswordHash,
}

impl CreateOrganisation {
    /// The organisation that a request with this key creates. Whoever creates one has none yet, and the replay record
    /// must be found under the same organisation when the request is repeated: so the key decides.
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
    type Reply = Membership;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Membership, Error> {
        let now = Clock::now();
        let organisation =
            Organisation::create(tx.organisation(), self.slug.clone(), self.name.clone(), self.currency, now);
        let user = User::owner(self.owner, self.email.clone(), self.owner_name.clone(), now);
        organisations::insert(tx, &organisation).await?;
        users::insert(tx, &user, &self.password).await?;
        tx.record(organisation.version, published::organisation(&organisation));
        Ok(Membership { user, organisation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_one_organisation() {
        let identity = |key| CreateOrganisation::identity(&IdempotencyKey::parse(key).unwrap());
        assert_eq!(identity("a"), identity("a"));
        assert_ne!(identity("a"), identity("b"));
        assert_eq!(identity("a").uuid().get_version_num(), 8);
    }
}
