//! Events of other services as the notifier's own copy of orders, stock and members. Nothing is decided here.

use access::{Permission, Permissions};
use contracts::auth::MembershipState;
use contracts::catalog::AvailabilityState;
use contracts::order::{LineStanding, OrderEvent};
use kernel::VariantId;
use messaging::{Delivered, Snapshot};

use crate::domain::{LINES_KEPT, Member, OrderCopy, OrderedLine, StockCopy, StockLevel};

/// The order after one of its events; none where an older release of order did not say where it stands.
#[must_use]
pub fn order(delivered: &Delivered<OrderEvent>) -> Option<OrderCopy> {
    let (event, envelope) = (&delivered.event, &delivered.envelope);
    let standing = event.standing()?;
    Some(OrderCopy {
        organisation: delivered.organisation,
        order: kernel::OrderId::from_uuid(envelope.subject),
        number: standing.number,
        status: standing.status,
        payment: standing.payment,
        fulfilment: standing.fulfilment,
        channel: standing.channel.clone(),
        total: standing.total,
        lines: standing.lines.iter().take(LINES_KEPT).map(line).collect(),
        line_count: standing.lines.len(),
        placed_at: if let OrderEvent::Placed(placed) = event { Some(placed.placed_at) } else { None },
        said_at: envelope.time,
        version: envelope.aggregate_version,
    })
}

fn line(line: &LineStanding) -> OrderedLine {
    OrderedLine { sku: line.sku.clone(), pieces: line.pieces.ordered.saturating_sub(line.pieces.cancelled) }
}

/// The stock of a variant.
#[must_use]
pub fn stock(snapshot: Snapshot<AvailabilityState>) -> StockCopy {
    let level = |state: AvailabilityState| StockLevel {
        sku: state.sku,
        availability: state.availability,
        sellable: state.sellable,
        available: state.available,
        on_hand: state.on_hand,
    };
    StockCopy {
        organisation: snapshot.organisation,
        variant: VariantId::from_uuid(snapshot.key),
        level: snapshot.state.map(level),
        version: snapshot.version,
    }
}

/// A person's place in an organisation; none where it is gone, which auth says of none. A permission that this program does not know
/// permits nothing here.
#[must_use]
pub fn member(snapshot: Snapshot<MembershipState>) -> Option<Member> {
    let state = snapshot.state?;
    let known = |word: &String| Permission::parse(word).ok();
    Some(Member {
        organisation: snapshot.organisation,
        membership: state.membership,
        user: state.user,
        permissions: state.permissions.iter().filter_map(known).collect::<Permissions>(),
        active: state.active,
        version: snapshot.version,
    })
}
