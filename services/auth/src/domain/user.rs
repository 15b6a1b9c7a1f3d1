//! Somebody who works for an organisation. The hash of the password is not part of a user: only the look-up of a login
//! reads it.

use access::Role;
use kernel::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Email, Name, Organisation};

/// A user as they are now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Their identity.
    pub id: UserId,
    /// What they log in with, unique in their organisation.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
    /// What they may do.
    #[schemars(with = "Vec<String>")]
    pub roles: Vec<Role>,
    /// When the account was created.
    pub created_at: Timestamp,
}

impl User {
    /// The first user of an organisation, who may do everything in it.
    #[must_use]
    pub fn owner(id: UserId, email: Email, name: Name, now: Timestamp) -> Self {
        Self { id, email, name, roles: vec![Role::Owner], created_at: now }
    }
}

/// A user and the organisation that they work for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// Somebody who works for the organisation.
    pub user: User,
    /// The organisation that the user works for.
    pub organisation: Organisation,
}
