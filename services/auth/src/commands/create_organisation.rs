//! Creates an organisation with its first owner. Nobody belongs to an organisation that does not exist yet, so the
//! platform creates it.

use access::Permission;
use kernel::{Clock, Currency, MembershipId, OrganisationId, Slug, UserId};
use mediator::{Command, IdempotencyKey, Platform, Tx};
use sha2::{Digest, Sha256};

use crate::{
    credentials::PasswordHash,
    domain::{Country, Email, Membership, Name, NewPerson, Organisation, Place, TimeZone, User},
    error::Error,
    published,
    store::{memberships, organisations, people},
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
    /// Where it is based.
    pub country: Option<Country>,
    /// The time zone of its days.
    pub time_zone: TimeZone,
    /// The id that the owner will have, if nobody has the address yet.
    pub owner: UserId,
    /// The account that has the address, if the given password is that account's.
    pub known_owner: Option<UserId>,
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
        let created = Organisation::create(self.organisation, self.slug.clone(), self.name.clone(), self.currency, now);
        let organisation = Organisation { country: self.country.clone(), time_zone: self.time_zone.clone(), ..created };
        let id = organisation.id;
        organisations::insert(tx, &organisation).await?;
        let owner = NewPerson { id: self.owner, email: self.email.clone(), name: self.owner_name.clone() };
        let (user, is_new) = people::insert_or_find(tx, &owner, &self.password, now).await?;
        if !is_new && self.known_owner != Some(user) {
            return Err(Error::OwnerHasAccount);
        }
        let place = Place::of_owner(MembershipId::new(), user);
        memberships::insert(tx, id, &place, now).await?;
        let provenance = tx.provenance().clone();
        tx.record_within(id, &provenance, now, organisation.version, published::organisation(&organisation));
        tx.record_within(id, &provenance, now, place.version, published::membership(id, &place));
        let (email, name, roles) = (self.email.clone(), self.owner_name.clone(), place.roles);
        Ok(Membership { user: User { id: user, email, name, roles, created_at: now }, organisation })
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
