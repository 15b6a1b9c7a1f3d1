//! Which account on Telegram is which person's.
//! The rule: only the person themself makes the code, and an account acts for the person only as long as the organisation says that
//! they are a member.

use access::{Permission, Permissions};
use chrono::TimeDelta;
use kernel::{ChatLinkId, DestinationId, OrganisationId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long the code of a person is good.
pub const LINK_CODE_LIFE: TimeDelta = TimeDelta::minutes(15);

/// A link between a person and an account on Telegram. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatLink {
    /// The id, by which it is removed.
    pub id: ChatLinkId,
    /// Whether an account is linked; otherwise its code is waited for.
    pub linked: bool,
    /// Until when its code is good, while no account is linked.
    pub code_expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the account was linked.
    pub linked_at: Option<Timestamp>,
}

/// A place where an account on Telegram is heard: it is linked to a member of the organisation, which hears what happens there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The organisation.
    pub organisation: OrganisationId,
    /// How people know the organisation: `Name (slug)`.
    pub organisation_name: String,
    /// The destination; none for the chat of the configuration.
    pub destination: Option<DestinationId>,
    /// The person.
    pub user: UserId,
    /// What the person may do in the organisation.
    pub permissions: Permissions,
}

impl Place {
    /// Whether the person may do what needs this.
    #[must_use]
    pub fn permits(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }
}
