//! The deliveries that one message tells of, and the lease under which it is sent.
//! The rule: a message is sent by the holder of its lane's lease alone.

use kernel::{DestinationId, OrderId, OrganisationId, Timestamp};
use uuid::Uuid;

use super::{Delivery, Endpoint, FollowUp, Lane, Message, Voice, compose};

/// Whose deliveries one message tells of. Those of different targets never share a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Target {
    /// Whose it is; nobody's where it is the chat of the configuration.
    #[must_use]
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Configured => None,
            Self::Destination { organisation, .. } => Some(*organisation),
        }
    }
}

/// Where the messages of a target go, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Where they go.
    pub endpoint: Endpoint,
    /// The words.
    pub voice: Voice,
    /// What becomes of what is told of an order after its first message.
    pub follow_up: FollowUp,
    /// Whether it is silent or paused: then it is told only what was asked for there.
    pub silent: bool,
}

/// What a message is to the messages before it.
#[derive(Debug, Clone, Default)]
pub enum Way {
    /// One of its own.
    #[default]
    New,
    /// A reply to the first message about its order.
    Reply {
        /// Telegram's id of that one.
        to: i64,
    },
    /// It takes the place of the first message about its order.
    Edit {
        /// Telegram's id of that one.
        message: i64,
        /// What that one tells, which is told on.
        told: Vec<Delivery>,
    },
}

impl Way {
    /// The method of the Bot API that does it.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::New | Self::Reply { .. } => "sendMessage",
            Self::Edit { .. } => "editMessageText",
        }
    }
}

/// The most pending deliveries of which orders are told one by one. What is more would come too late that way.
const MOST_FOLLOWED: usize = 10;

/// What of the pending deliveries the next message tells, and the order whose first message it follows. While there are few, that
/// is one order's or what is about no order; many, and what had to wait for its time, are told together.
#[must_use]
pub fn follow(pending: Vec<Delivery>) -> (Vec<Delivery>, Option<OrderId>) {
    let together = pending.len() > MOST_FOLLOWED || pending.iter().any(|one| one.waited || one.collapsed);
    let order = pending.first().and_then(|first| first.fact.order()).filter(|_| !together);
    let told = if together { pending } else { pending.into_iter().filter(|one| one.fact.order() == order).collect() };
    (told, order)
}

/// The right to send in a lane for a while. Every claim has a lease of its own, so a sender that comes too late is known.
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
    /// Whose budget and lease it is.
    pub lane: Lane,
    /// Where the message goes; Telegram may have moved the chat.
    pub endpoint: Endpoint,
    /// How the target is spoken to.
    pub voice: Voice,
    /// The lease of the lane.
    pub lease: Lease,
    /// What the message is to those before it.
    pub way: Way,
    /// The deliveries, oldest first; at least one.
    pub deliveries: Vec<Delivery>,
}

impl Batch {
    /// What sending it is called in traces: `telegram sendMessage`.
    #[must_use]
    pub fn operation(&self) -> String {
        match &self.endpoint {
            Endpoint::Chat(_) => format!("telegram {}", self.way.method()),
            Endpoint::Email { .. } => "smtp send".to_owned(),
            Endpoint::Webhook { .. } => "webhook POST".to_owned(),
        }
    }

    /// The message at this time: what it replaces is told on.
    #[must_use]
    pub fn message(&self, now: Timestamp) -> Message {
        match &self.way {
            Way::New | Way::Reply { .. } => compose(&self.deliveries, &self.voice, now),
            Way::Edit { told, .. } => {
                let all: Vec<Delivery> = told.iter().chain(&self.deliveries).cloned().collect();
                compose(&all, &self.voice, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, DeliveryId};

    use super::super::Fact;
    use super::*;

    fn held(order: OrderId) -> Delivery {
        delivery(Fact::OrderHeld { order: order.into(), reason: None })
    }

    fn delivery(fact: Fact) -> Delivery {
        Delivery {
            id: DeliveryId::new(),
            organisation: OrganisationId::new(),
            organisation_name: "Acme".to_owned(),
            fact,
            occurred_at: Clock::now(),
            traceparent: None,
            waited: false,
            collapsed: false,
        }
    }

    #[test]
    fn few_are_told_order_by_order_and_many_together() {
        let (one, other) = (OrderId::new(), OrderId::new());
        let (told, order) = follow(vec![held(one), held(other), held(one)]);
        assert_eq!((told.len(), order), (2, Some(one)));
        let (told, order) = follow(vec![delivery(Fact::Test), held(one), delivery(Fact::Test)]);
        assert_eq!((told.len(), order), (2, None));
        let (told, order) = follow((0..11).map(|_| held(one)).collect());
        assert_eq!((told.len(), order), (11, None));
        let (told, order) = follow(vec![held(one), Delivery { waited: true, ..held(other) }]);
        assert_eq!((told.len(), order), (2, None));
    }
}
