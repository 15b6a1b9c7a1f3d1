//! The subscription table: the topics that the notifier reads, and the command that their events become.

pub mod consumed;

use contracts::Envelope;
use contracts::auth::OrganisationState;
use contracts::catalog::StockEvent;
use contracts::order::OrderEvent;
use mediator::Provenance;
use messaging::{Delivered, Snapshot, Subscriptions};

use crate::commands::{ApplyOrganisations, OrganisationChange, RecordDeliveries};
use crate::domain::{Chat, Fact, NewDelivery, OrganisationName};
use crate::processes::Wake;

/// Events become deliveries for `chat`, and their commit wakes the sender.
#[must_use]
pub fn subscriptions(chat: &Chat, wake: &Wake) -> Subscriptions {
    let (order_chat, stock_chat) = (chat.clone(), chat.clone());
    let (after_orders, after_stock) = (wake.clone(), wake.clone());
    Subscriptions::new("notifier")
        .on_batch(move |events: Vec<Delivered<OrderEvent>>| RecordDeliveries {
            chat: order_chat.clone(),
            deliveries: events
                .into_iter()
                .map(|it| delivery(it.envelope, it.provenance, consumed::order_fact(it.event)))
                .collect(),
        })
        .on_batch(move |events: Vec<Delivered<StockEvent>>| RecordDeliveries {
            chat: stock_chat.clone(),
            deliveries: events
                .into_iter()
                .map(|it| delivery(it.envelope, it.provenance, consumed::stock_fact(it.event)))
                .collect(),
        })
        .on_state(|snapshots: Vec<Snapshot<OrganisationState>>| {
            ApplyOrganisations(snapshots.into_iter().map(organisation).collect())
        })
        .observe_events::<OrderEvent>(move |_| after_orders.signal())
        .observe_events::<StockEvent>(move |_| after_stock.signal())
}

fn delivery(envelope: Envelope, provenance: Provenance, fact: Fact) -> NewDelivery {
    NewDelivery {
        event: envelope.id,
        fact,
        occurred_at: envelope.time,
        correlation: envelope.correlation,
        traceparent: provenance.traceparent,
    }
}

fn organisation(snapshot: Snapshot<OrganisationState>) -> OrganisationChange {
    match snapshot.state {
        Some(state) => OrganisationChange::State(OrganisationName {
            slug: state.slug,
            name: state.name,
            active: state.active,
            version: snapshot.version,
        }),
        None => OrganisationChange::Removed,
    }
}
