//! Ends a membership: a member is removed, or leaves.

use access::Permission;
use kernel::{MembershipId, UserId};
use mediator::{Command, Tenant, Tx};

use super::{ensure_owner_remains, permitted, save_place};
use crate::{
    domain::{Authority, Place, role},
    error::Error,
    store::memberships,
};

/// Removes a member.
#[derive(Debug, Clone)]
pub struct RemoveMember {
    /// The member.
    pub membership: MembershipId,
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for RemoveMember {
    const NAME: &'static str = "auth.remove-member";
    const REQUIRES: Permission = Permission::MemberManage;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        let place = memberships::find(tx, self.membership).await?;
        if !place.active {
            return Err(Error::UnknownMember { membership: self.membership });
        }
        role::check_grant(place.permissions, by)?;
        end_place(tx, place).await
    }
}

/// Leaves the organisation.
#[derive(Debug, Clone)]
pub struct LeaveOrganisation {
    /// The person who leaves.
    pub user: UserId,
}

impl Command for LeaveOrganisation {
    const NAME: &'static str = "auth.leave-organisation";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        memberships::lock(tx).await?;
        let place = memberships::of_person(tx, tx.organisation(), self.user).await?;
        end_place(tx, place.filter(|place| place.active).ok_or(Error::NotAMember { organisations: Vec::new() })?).await
    }
}

async fn end_place(tx: &mut Tx<'_>, place: Place) -> Result<(), Error> {
    if place.is_owner() {
        ensure_owner_remains(tx, &place).await?;
    }
    save_place(tx, &place.left()).await
}
