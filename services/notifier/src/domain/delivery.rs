//! One fact on its way to one chat.

use kernel::{DeliveryId, EventId, OrganisationId, Timestamp};
use uuid::Uuid;

use super::Fact;

/// A pending delivery as the sender holds it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Which one.
    pub id: DeliveryId,
    /// Whose fact.
    pub organisation: OrganisationId,
    /// The organisation in words: `Name (slug)`, or its id while its state has not arrived.
    pub organisation_name: String,
    /// What happened.
    pub fact: Fact,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The W3C trace context of the event.
    pub traceparent: Option<String>,
}

/// A fact that is to be told, with where it came from.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The event; the same event twice is one delivery.
    pub event: EventId,
    /// What happened.
    pub fact: Fact,
    /// When.
    pub occurred_at: Timestamp,
    /// What the event belongs to.
    pub correlation: Uuid,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}
