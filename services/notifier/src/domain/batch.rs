//! The deliveries that one message tells of, and the lease under which it is sent.
//! The rule: a message is sent by the holder of its chat's lease alone.

use kernel::{DestinationId, OrganisationId};
use uuid::Uuid;

use super::{Address, Chat, Delivery};

/// Whose deliveries one message tells of. Those of different targets never share a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The chat of the configuration, for every organisation that has no destination of its own.
    Configured,
    /// A destination of an organisation.
    Destination {
        /// The organisation.
        organisation: OrganisationId,
        /// The destination.
        destination: DestinationId,
    },
}

/// The right to send to a chat for a while. Every claim has a lease of its own, so a sender that comes too late is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease(Uuid);

impl Lease {
    /// A new lease.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default value is always the same; a new lease never is")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The bare UUID, for SQL.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// The deliveries of one message.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Whose deliveries they are.
    pub target: Target,
    /// The chat whose budget and lease it is.
    pub chat: Chat,
    /// Where the message goes; Telegram may have moved the chat.
    pub address: Address,
    /// The lease of the chat.
    pub lease: Lease,
    /// The deliveries, oldest first; at least one.
    pub deliveries: Vec<Delivery>,
}
