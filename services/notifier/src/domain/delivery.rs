//! One fact on its way to one destination, before and after it has a row.

use kernel::{DeliveryId, DestinationId, EventId, OrganisationId, Timestamp};
use uuid::Uuid;

use super::{Circumstances, Fact};

/// A pending delivery as the sender holds it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The organisation that the fact belongs to.
    pub organisation: OrganisationId,
    /// How a person knows the organisation: `Name (slug)`, or its id while its state has not arrived.
    pub organisation_name: String,
    /// What happened.
    pub fact: Fact,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The W3C trace context of the event.
    pub traceparent: Option<String>,
    /// Whether it had to wait for its time, and is told with what waited beside it.
    pub waited: bool,
    /// Whether it is one of a flood, which is counted and not spelled out.
    pub collapsed: bool,
}

/// A fact that is to become a delivery, with the event that it came from.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Whose event it is.
    pub organisation: OrganisationId,
    /// The event. The same event twice makes one delivery.
    pub event: EventId,
    /// What happened.
    pub fact: Fact,
    /// What the rules of destinations ask of it besides.
    pub circumstances: Circumstances,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The correlation of the event.
    pub correlation: Uuid,
    /// The W3C trace context of the event.
    pub traceparent: Option<String>,
}

/// A delivery that is to be written, and when it may be told.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// The destination; none for the chat of the configuration.
    pub destination: Option<DestinationId>,
    /// The fact with its event.
    pub delivery: &'a NewDelivery,
    /// The time before which it is not told; none for at once.
    pub not_before: Option<Timestamp>,
    /// Whether it is one of a flood.
    pub collapsed: bool,
}

impl<'a> Planned<'a> {
    /// To be told at once.
    #[must_use]
    pub const fn at_once(destination: Option<DestinationId>, delivery: &'a NewDelivery) -> Self {
        Self { destination, delivery, not_before: None, collapsed: false }
    }
}

/// A pending delivery whose fact this version cannot read: another version wrote it. It waits for one that can.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Its id.
    pub id: DeliveryId,
    /// The organisation that the fact belongs to.
    pub organisation: OrganisationId,
    /// The kind that its row names.
    pub kind: String,
    /// Why the fact cannot be read.
    pub cause: String,
}
