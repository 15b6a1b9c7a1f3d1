//! Contract → command: what catalog says, and whose turn it is, in this service's words. The rule: only the shape changes here; nothing is
//! decided.

use access::{Organisations, Permission, Permissions};
use contracts::{
    auth::MembershipState,
    catalog::{Listing, ProductState, ProductStatus, ReservationEvent, ReservedLine},
    notifier::{ActionEvent, ActionRequested},
    order::IntakeEvent,
};
use kernel::ProductId;
use messaging::{Delivered, Snapshot};

use crate::{
    commands::{Answer, ApplyMembers, ApplyProducts, AskedStep, PlaceQueued, SettleOrders, TakeAskedSteps, Turn},
    domain::{Member, OtherPrices, Product, SkuPieces, Trigger, Variant},
};

/// The orders whose turn has come become one command.
#[must_use]
pub fn place_queued(events: Vec<Delivered<IntakeEvent>>, organisations: Organisations) -> PlaceQueued {
    PlaceQueued { turns: events.into_iter().map(turn).collect(), organisations }
}

/// Catalog's answers become one command.
#[must_use]
pub fn settle_orders(events: Vec<Delivered<ReservationEvent>>) -> SettleOrders {
    SettleOrders { answers: events.into_iter().map(answer).collect() }
}

/// What members ask for in a chat becomes one command.
#[must_use]
pub fn take_asked_steps(events: Vec<Delivered<ActionEvent>>) -> TakeAskedSteps {
    TakeAskedSteps { asked: events.into_iter().map(asked).collect() }
}

/// Who may do what becomes one command.
#[must_use]
pub fn apply_members(snapshots: Vec<Snapshot<MembershipState>>, rebuild: bool) -> ApplyMembers {
    ApplyMembers { members: snapshots.into_iter().filter_map(member).collect(), rebuild }
}

/// Catalog's products become one command.
#[must_use]
pub fn apply_products(snapshots: Vec<Snapshot<ProductState>>, rebuild: bool) -> ApplyProducts {
    ApplyProducts { products: snapshots.into_iter().map(product).collect(), rebuild }
}

fn turn(delivered: Delivered<IntakeEvent>) -> Turn {
    let IntakeEvent::Queued(queued) = delivered.event;
    Turn { organisation: delivered.organisation, order: queued.order, provenance: delivered.provenance }
}

fn asked(delivered: Delivered<ActionEvent>) -> AskedStep {
    let ActionEvent::ActionRequested(ActionRequested { action, order, step, user, destination }) = delivered.event;
    let (organisation, asked_at, provenance) = (delivered.organisation, delivered.envelope.time, delivered.provenance);
    AskedStep { organisation, action, order, step, user, destination, asked_at, provenance }
}

/// A place of which nothing is said any more, which auth does of none, stays as it was. A permission that this release does not know
/// permits nothing here.
fn member(snapshot: Snapshot<MembershipState>) -> Option<Member> {
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

fn answer(delivered: Delivered<ReservationEvent>) -> Answer {
    let (order, trigger) = match delivered.event {
        ReservationEvent::Reserved(reserved) => (reserved.order, kept(reserved.lines)),
        ReservationEvent::Rejected(rejected) => (rejected.order, Trigger::Rejected(rejected.reasons)),
        ReservationEvent::Expired(expired) => (expired.order, Trigger::ReservationLost),
        ReservationEvent::ConfirmRefused(refused) => (refused.order, Trigger::ReservationLost),
        ReservationEvent::Extended(extended) => (extended.order, Trigger::AdditionGiven(extended.number)),
        ReservationEvent::ExtensionRefused(refused) => {
            (refused.order, Trigger::AdditionRefused(refused.number, refused.reasons))
        }
    };
    Answer { organisation: delivered.organisation, order, trigger, provenance: delivered.provenance }
}

/// What a reservation says: more than can be had is promised of orders that were sold elsewhere only.
fn kept(lines: Vec<ReservedLine>) -> Trigger {
    let short = |line: ReservedLine| line.oversold.map(|quantity| SkuPieces { sku: line.sku, quantity });
    let oversold: Vec<SkuPieces> = lines.into_iter().filter_map(short).collect();
    if oversold.is_empty() { Trigger::Reserved } else { Trigger::Oversold(oversold) }
}

fn product(snapshot: Snapshot<ProductState>) -> Product {
    let (organisation, id, version) = (snapshot.organisation, ProductId::from_uuid(snapshot.key), snapshot.version);
    let Some(state) = snapshot.state else {
        let (title, listing, variants) = (String::new(), Listing::default(), Vec::new());
        return Product { organisation, id, version, title, removed: true, listing, variants };
    };
    let active = state.status == ProductStatus::Active;
    let variants = state.variants.into_iter().map(|variant| Variant {
        id: variant.variant,
        sku: variant.sku,
        title: variant.title,
        price: variant.price,
        other_prices: OtherPrices {
            channels: variant.channel_prices.into_iter().map(|one| (one.channel, one.price)).collect(),
            elsewhere: variant.price_elsewhere,
        },
        cost: variant.cost,
        for_sale: active && variant.active,
    });
    let (title, listing, variants) = (state.title, state.channels, variants.collect());
    Product { organisation, id, version, title, removed: false, listing, variants }
}
