//! A channel is what one topic can say: an enum of facts, or one state. Publishing and reading both go through it, so a
//! type string is written down once.

use std::fmt;

use uuid::Uuid;

use crate::Topic;

/// Why a record gives no event. Permanent for this version of the program: reading the record again does not help.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// A header that every record has is missing.
    #[error("the record has no header \"{name}\"")]
    MissingHeader {
        /// The header's name.
        name: &'static str,
    },
    /// A header does not say what it should.
    #[error("the record's header \"{name}\" {reason}")]
    BadHeader {
        /// The header's name.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The topic has no such type in this version of the program. That is no fault of the record: a newer publisher says
    /// more, and readers pass it over.
    #[error("topic {topic} has no event of type \"{event_type}\"; is the publisher newer than this program?")]
    UnknownType {
        /// The topic that it was read from.
        topic: &'static str,
        /// The type that the record claims, cut to 200 characters.
        event_type: String,
    },
    /// The body is not the JSON that its type promises.
    #[error("the body of an event of type \"{event_type}\" cannot be read: {cause}")]
    BadBody {
        /// The type that the record claims.
        event_type: &'static str,
        /// Why it cannot be read.
        #[source]
        cause: serde_json::Error,
    },
}

/// Everything that one topic can say.
pub trait Channel: Sized + Clone + fmt::Debug + Send + Sync + 'static {
    /// The topic that carries it.
    const TOPIC: Topic;
    /// The types (`ce_type`) that the topic carries.
    const EVENT_TYPES: &'static [&'static str];

    /// Reads a record's body as the event that its `ce_type` names. Fields that are not known are ignored.
    ///
    /// # Errors
    /// [`Undecodable::UnknownType`], which readers pass over, and [`Undecodable::BadBody`], which is a defect.
    fn decode(event_type: &str, payload: &[u8]) -> Result<Self, Undecodable>;

    /// The aggregate that it is about: the record's key, which keeps its events in order.
    fn key(&self) -> Uuid;

    /// The `ce_type`.
    fn event_type(&self) -> &'static str;

    /// The body.
    ///
    /// # Errors
    /// When the event has no JSON form, which no event of this crate lacks.
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error>;
}

/// Cuts the type, since a header may hold anything, of any length.
pub(crate) fn unknown_type(topic: &Topic, event_type: &str) -> Undecodable {
    Undecodable::UnknownType { topic: topic.name, event_type: event_type.chars().take(200).collect() }
}

/// An enum of facts and its `Channel`: `facts! { pub enum Name on TOPIC by field { Variant(Struct) = "type", … } }`.
macro_rules! facts {
    (
        $(#[$documentation:meta])*
        pub enum $name:ident on $topic:path, keyed by $key:ident {
            $($(#[$about:meta])* $variant:ident = $event_type:literal,)+
        }
    ) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$about])* $variant($variant),)+
        }

        $(
            impl From<$variant> for $name {
                fn from(fact: $variant) -> Self {
                    Self::$variant(fact)
                }
            }
        )+

        impl $crate::Channel for $name {
            const TOPIC: $crate::Topic = $topic;
            const EVENT_TYPES: &'static [&'static str] = &[$($event_type),+];

            fn decode(event_type: &str, payload: &[u8]) -> Result<Self, $crate::Undecodable> {
                match event_type {
                    $($event_type => serde_json::from_slice(payload)
                        .map(Self::$variant)
                        .map_err(|cause| $crate::Undecodable::BadBody { event_type: $event_type, cause }),)+
                    other => Err($crate::channel::unknown_type(&Self::TOPIC, other)),
                }
            }

            fn key(&self) -> uuid::Uuid {
                match self {
                    $(Self::$variant(fact) => fact.$key.uuid(),)+
                }
            }

            fn event_type(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $event_type,)+
                }
            }

            fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
                match self {
                    $(Self::$variant(fact) => serde_json::to_vec(fact),)+
                }
            }
        }

        impl $crate::catalogue::Listed for $name {
            fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($event_type, schemars::schema_for!($variant))),+]
            }
        }
    };
}

/// The `Channel` of a struct that is the whole state of its aggregate.
macro_rules! state {
    ($name:ident on $topic:path, keyed by $key:ident, $event_type:literal) => {
        impl $crate::Channel for $name {
            const TOPIC: $crate::Topic = $topic;
            const EVENT_TYPES: &'static [&'static str] = &[$event_type];

            fn decode(event_type: &str, payload: &[u8]) -> Result<Self, $crate::Undecodable> {
                match event_type {
                    $event_type => serde_json::from_slice(payload)
                        .map_err(|cause| $crate::Undecodable::BadBody { event_type: $event_type, cause }),
                    other => Err($crate::channel::unknown_type(&Self::TOPIC, other)),
                }
            }

            fn key(&self) -> uuid::Uuid {
                self.$key.uuid()
            }

            fn event_type(&self) -> &'static str {
                $event_type
            }

            fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
                serde_json::to_vec(self)
            }
        }

        impl $crate::catalogue::Listed for $name {
            fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![($event_type, schemars::schema_for!($name))]
            }
        }
    };
}

pub(crate) use facts;
pub(crate) use state;

#[cfg(test)]
mod tests {
    use crate::{Channel, Undecodable, catalog, order};

    #[test]
    fn a_type_of_another_topic_is_unknown_here() {
        let refused = order::OrderEvent::decode("catalog.reservation.expired.v1", b"{}").unwrap_err();
        assert!(matches!(refused, Undecodable::UnknownType { topic: "order.order.v1", .. }), "{refused}");
    }

    #[test]
    fn a_body_that_is_not_the_types_is_refused_and_says_why() {
        let refused = order::OrderEvent::decode("order.order.cancelled.v1", b"{}").unwrap_err();
        assert!(refused.to_string().contains("missing field `order`"), "{refused}");
        for body in [&b""[..], b"null", b"[]", b"\xff", b"{\"order\":"] {
            assert!(order::OrderEvent::decode("order.order.placed.v1", body).is_err());
            assert!(catalog::ProductState::decode("catalog.product.state.v1", body).is_err());
        }
    }

    #[test]
    fn an_endless_type_is_not_repeated_in_the_error() {
        let refused = order::OrderEvent::decode(&"x".repeat(100_000), b"{}").unwrap_err();
        assert!(refused.to_string().len() < 400);
    }
}
