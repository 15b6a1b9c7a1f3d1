//! Keeps the notifier's own copy of who may do what up to date. The newest version wins in whatever order they arrive, and whoever has
//! left is linked no longer: who comes back makes a new code.

use access::Permission;
use mediator::{Command, Tenants, Tx};

use crate::domain::Member;
use crate::error::Error;
use crate::store::{chat_links, members};

/// The newest state of each of several memberships. Auth removes none: the place of somebody who has left is not active.
#[derive(Debug, Clone)]
pub struct ApplyMembers {
    /// The states.
    pub members: Vec<Member>,
}

impl Command for ApplyMembers {
    const NAME: &'static str = "notifier.apply-members";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        members::upsert(tx, &self.members).await?;
        let former = self.members.iter().filter(|member| !member.active);
        let former: Vec<_> = former.map(|member| (member.organisation, member.user)).collect();
        if former.is_empty() { Ok(()) } else { chat_links::delete_of_former(tx, &former).await }
    }
}
