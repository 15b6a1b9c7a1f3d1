//! The list of all event types, for documents and for the tests that compare them with the code.

use std::any::type_name;

use schemars::Schema;

use crate::{Channel, Topic, auth, catalog, category, notifier, order};

/// A channel that knows the schemas of its bodies.
pub trait Listed: Channel {
    /// Each type with the JSON schema of its body.
    fn schemas() -> Vec<(&'static str, Schema)>;
}

/// One type of event.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The `ce_type`.
    pub event_type: &'static str,
    /// The topic that carries it.
    pub topic: Topic,
    /// The name of the [`Channel`] of that topic.
    pub channel: &'static str,
    /// The JSON schema of its body.
    pub schema: Schema,
}

/// All types of events.
#[must_use]
pub fn entries() -> Vec<Entry> {
    fn of<C: Listed>() -> impl Iterator<Item = Entry> {
        let channel = type_name::<C>().rsplit("::").next().unwrap_or_default();
        C::schemas().into_iter().map(move |(event_type, mut schema)| {
            kernel::list_choices(&mut schema);
            Entry { event_type, topic: C::TOPIC, channel, schema }
        })
    }
    of::<auth::SigningKeyState>()
        .chain(of::<auth::OrganisationState>())
        .chain(of::<auth::MembershipState>())
        .chain(of::<auth::EndedSessionState>())
        .chain(of::<auth::ApiKeyState>())
        .chain(of::<auth::InvitationEvent>())
        .chain(of::<auth::AccountEvent>())
        .chain(of::<auth::CustomerAccountEvent>())
        .chain(of::<category::CategoryState>())
        .chain(of::<catalog::ProductState>())
        .chain(of::<catalog::ReservationEvent>())
        .chain(of::<catalog::StockEvent>())
        .chain(of::<catalog::ImportEvent>())
        .chain(of::<catalog::AvailabilityState>())
        .chain(of::<order::OrderEvent>())
        .chain(of::<order::IntakeEvent>())
        .chain(of::<order::OutcomeEvent>())
        .chain(of::<notifier::ActionEvent>())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::entries;
    use crate::topics;

    #[test]
    fn every_topic_has_an_event_and_every_type_names_its_topic() {
        let entries = entries();
        let listed: HashSet<_> = entries.iter().map(|entry| entry.topic.name).collect();
        assert_eq!(listed, topics::ALL.iter().map(|topic| topic.name).collect());
        for entry in &entries {
            let (aggregate, version) = entry.topic.name.rsplit_once('.').unwrap();
            assert!(entry.event_type.starts_with(&format!("{aggregate}.")), "{}", entry.event_type);
            assert!(entry.event_type.ends_with(&format!(".{version}")), "{}", entry.event_type);
        }
        assert_eq!(entries.iter().map(|entry| entry.event_type).collect::<HashSet<_>>().len(), entries.len());
    }
}
