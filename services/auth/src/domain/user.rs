//! A person, and the place that a person has in an organisation. The hash of the password is not part of a person: only
//! logging in reads it.

use access::{Permissions, Role, Standing};
use kernel::{MembershipId, OrganisationId, SessionId, Slug, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Email, Name, Organisation, Password, RoleName, role};

/// A person who has no account yet.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The identity that the person will have.
    pub id: UserId,
    /// What the person logs in with.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
}

/// An operator to make.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// What the operator logs in with.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
    /// The password; that of the account, if the address has one.
    pub password: Password,
}

/// A person as an organisation sees them. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Their identity.
    pub id: UserId,
    /// What they log in with, unique in the installation.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
    /// Their roles in the organisation.
    pub roles: Vec<RoleName>,
    /// When they joined the organisation.
    pub created_at: Timestamp,
}

/// A user and the organisation that they work for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Somebody who works for the organisation.
    pub user: User,
    /// The organisation that the user works for.
    pub organisation: Organisation,
}

/// A person's place in an organisation, as its members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The membership.
    pub id: MembershipId,
    /// The person.
    pub user: UserId,
    /// What they log in with.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
    /// Their roles.
    pub roles: Vec<RoleName>,
    /// What the roles allow, each as `resource:action`.
    pub permissions: Vec<String>,
    /// Rises by one with every change.
    pub version: i64,
    /// When they joined.
    pub joined_at: Timestamp,
}

/// A membership as it is stored and changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The membership.
    pub membership: MembershipId,
    /// The person.
    pub user: UserId,
    /// Their roles.
    pub roles: Vec<RoleName>,
    /// What the roles allow.
    pub permissions: Permissions,
    /// False once the person has left.
    pub active: bool,
    /// Rises by one with every change.
    pub version: i64,
}

impl Place {
    /// The place of whoever creates an organisation.
    #[must_use]
    pub fn of_owner(membership: MembershipId, user: UserId) -> Self {
        let roles = vec![RoleName::BuiltIn(Role::Owner)];
        Self { membership, user, roles, permissions: Role::Owner.permissions(), active: true, version: 1 }
    }

    /// The same place with other roles.
    #[must_use]
    pub fn with_roles(self, roles: Vec<RoleName>, permissions: Permissions) -> Self {
        Self { roles, permissions, version: self.version + 1, ..self }
    }

    /// The place that somebody has left.
    #[must_use]
    pub fn left(self) -> Self {
        Self { active: false, version: self.version + 1, ..self }
    }

    /// Whether the person is an owner now.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.active && role::is_owner(self.permissions)
    }
}

/// One of the organisations that a person can choose, with what the person may do in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: Name,
    /// The person's place in it.
    pub membership: MembershipId,
    /// The version of the membership.
    pub version: i64,
    /// The names of the person's roles.
    pub roles: Vec<RoleName>,
    /// What the roles allow.
    pub permissions: Permissions,
    /// Whether the organisation is in use; of a suspended one the person reaches nothing but their own account.
    pub active: bool,
}

impl Seat {
    /// What a token of this session says about the seat.
    #[must_use]
    pub fn standing(&self, session: SessionId) -> Standing {
        Standing { session, membership: self.membership, version: self.version }
    }
}
