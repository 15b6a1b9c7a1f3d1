//! The subscription table: the topics that the notifier reads, and the command that their events become.

pub mod consumed;
pub mod copies;

use contracts::auth::{MembershipState, OrganisationState};
use contracts::catalog::{AvailabilityState, ImportEvent, StockEvent};
use contracts::order::{OrderEvent, OutcomeEvent};
use kernel::{DestinationId, EventId};
use messaging::{Delivered, Snapshot, Subscriptions};

use crate::commands::{ApplyMembers, ApplyOrganisations, ApplyStocks, FollowOrders, RecordDeliveries, TellOutcomes};
use crate::domain::{Chat, Circumstances, Fact, NewDelivery, OrganisationName, newest_of_each};
use crate::processes::Wake;

/// Events become deliveries, without a destination for `chat`, and their commit wakes the sender. More than `flood_from` of a
/// kind within a minute become a number.
#[must_use]
pub fn subscriptions(chat: &Chat, flood_from: Option<u32>, wake: &Wake) -> Subscriptions {
    let (order_chat, stock_chat, import_chat, outcome_chat) = (chat.clone(), chat.clone(), chat.clone(), chat.clone());
    let (after_orders, after_stock, after_imports, after_outcomes) =
        (wake.clone(), wake.clone(), wake.clone(), wake.clone());
    Subscriptions::new("notifier")
        .on_batch(move |events: Vec<Delivered<OrderEvent>>| FollowOrders {
            orders: newest_of_each(events.iter().filter_map(copies::order).collect()),
            told: RecordDeliveries {
                configured: order_chat.clone(),
                flood_from,
                deliveries: events.into_iter().filter_map(of_order).collect(),
            },
        })
        .on_batch(move |events: Vec<Delivered<StockEvent>>| RecordDeliveries {
            configured: stock_chat.clone(),
            flood_from,
            deliveries: events.into_iter().filter_map(of_stock).collect(),
        })
        .on_batch(move |events: Vec<Delivered<ImportEvent>>| RecordDeliveries {
            configured: import_chat.clone(),
            flood_from,
            deliveries: events
                .into_iter()
                .filter_map(|it| delivery(it, Circumstances::default(), consumed::import_fact))
                .collect(),
        })
        .on_batch(move |events: Vec<Delivered<OutcomeEvent>>| TellOutcomes {
            configured: outcome_chat.clone(),
            outcomes: events.into_iter().filter_map(outcome).collect(),
        })
        .on_state(apply_organisations)
        .on_state::<MembershipState, _, _>(|snapshots| ApplyMembers {
            members: snapshots.into_iter().filter_map(copies::member).collect(),
        })
        .on_state::<AvailabilityState, _, _>(|snapshots| ApplyStocks {
            stocks: snapshots.into_iter().map(copies::stock).collect(),
        })
        .observe_events::<OrderEvent>(move |_| after_orders.signal())
        .observe_events::<StockEvent>(move |_| after_stock.signal())
        .observe_events::<OutcomeEvent>(move |_| after_outcomes.signal())
        .observe_events::<ImportEvent>(move |_| after_imports.signal())
}

fn of_order(delivered: Delivered<OrderEvent>) -> Option<NewDelivery> {
    // As the consumers of every service sign what they cause.
    let by_the_system = delivered.envelope.actor.starts_with("system:");
    let circumstances = consumed::circumstances(&delivered.event);
    delivery(delivered, circumstances, |event| consumed::order_fact(event, by_the_system))
}

fn of_stock(delivered: Delivered<StockEvent>) -> Option<NewDelivery> {
    let circumstances = consumed::stock_circumstances(&delivered.event);
    delivery(delivered, circumstances, consumed::stock_fact)
}

fn outcome(delivered: Delivered<OutcomeEvent>) -> Option<(Option<DestinationId>, NewDelivery)> {
    let destination = consumed::asked_at(&delivered.event);
    // What was asked once is answered once, however often order says what became of it.
    let event = EventId::from_uuid(delivered.envelope.subject);
    let told = delivery(delivered, Circumstances::default(), |event| Some(consumed::outcome_fact(event)))?;
    Some((destination, NewDelivery { event, ..told }))
}

fn delivery<E>(
    delivered: Delivered<E>,
    circumstances: Circumstances,
    fact: impl Fn(E) -> Option<Fact>,
) -> Option<NewDelivery> {
    Some(NewDelivery {
        organisation: delivered.organisation,
        event: delivered.envelope.id,
        fact: fact(delivered.event)?,
        circumstances,
        occurred_at: delivered.envelope.time,
        correlation: delivered.envelope.correlation,
        traceparent: delivered.provenance.traceparent,
    })
}

fn apply_organisations(snapshots: Vec<Snapshot<OrganisationState>>) -> ApplyOrganisations {
    let mut command = ApplyOrganisations::default();
    for Snapshot { organisation, state, version, .. } in snapshots {
        match state {
            Some(OrganisationState { slug, name, active, .. }) => {
                command.named.push(OrganisationName { organisation, slug, name, active, version });
            }
            None => command.removed.push(organisation),
        }
    }
    command
}
