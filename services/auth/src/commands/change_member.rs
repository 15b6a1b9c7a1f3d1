//! Gives a member other roles.

use access::Permission;
use kernel::{Expected, MembershipId};
use mediator::{Command, Tenant, Tx};

use super::{ensure_owner_remains, permitted, save_place};
use crate::{
    domain::{Authority, Place, RoleName, role},
    error::Error,
    store::{memberships, roles},
};

/// Gives a member exactly these roles.
#[derive(Debug, Clone)]
pub struct ChangeMember {
    /// The member.
    pub membership: MembershipId,
    /// The versions that the caller saw.
    pub expected: Expected,
    /// The new roles, at least one.
    pub roles: Vec<RoleName>,
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for ChangeMember {
    const NAME: &'static str = "auth.change-member";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = Place;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Place, Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        let place = memberships::find(tx, self.membership).await?;
        if !place.active {
            return Err(Error::UnknownMember { membership: self.membership });
        }
        Error::unless_expected(&self.expected, place.version)?;
        let own = roles::of(tx, tx.organisation()).await?;
        let permissions = role::allowed(&self.roles, &own)?;
        role::check_grant(permissions.union(place.permissions), by)?;
        if self.roles == place.roles {
            // Nothing changes, so the member's tokens stay good.
            return Ok(place);
        }
        let changed = place.clone().with_roles(self.roles.clone(), permissions);
        if place.is_owner() && !changed.is_owner() {
            ensure_owner_remains(tx, &place).await?;
        }
        save_place(tx, &changed).await?;
        Ok(changed)
    }
}
