//! Who may do what in an organisation, as the notifier's own copy has it.

use access::Permissions;
use kernel::{MembershipId, OrganisationId, UserId};

/// A person's place in an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The membership.
    pub membership: MembershipId,
    /// The person.
    pub user: UserId,
    /// What the person's roles allow.
    pub permissions: Permissions,
    /// False once the person has left.
    pub active: bool,
    /// The version of this state.
    pub version: i64,
}
