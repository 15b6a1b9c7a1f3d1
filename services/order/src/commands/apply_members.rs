//! Keeps this service's own copy of who may do what up to date. The newest version wins in whatever order they arrive.

use access::Permission;
use mediator::{Command, Tenants};
use persistence::Tx;

use crate::{domain::Member, error::Error, store::members};

/// The newest state of each of several memberships. Auth removes none: the place of somebody who has left is not active.
#[derive(Debug, Clone)]
pub struct ApplyMembers {
    /// The states.
    pub members: Vec<Member>,
    /// Whether a rebuild sends them: it also corrects rows that claim the very version that it brings.
    pub rebuild: bool,
}

impl Command for ApplyMembers {
    const NAME: &'static str = "order.apply-members";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        members::apply(tx, &self.members, self.rebuild).await
    }
}
