//! What the catalog answers to orders: in time, late, twice, out of order, and many at once.

use access::{Permission, Role};
use catalog::processes::expiry::expire_due;
use catalog::queries::due_reservations::FindDueReservations;
use contracts::catalog::{Reason, ReservationEvent, StockEvent};
use contracts::order::{
    AdditionRefused, AdditionRequested, Amounts, Cancelled, Cause, Confirmed, FulfilmentStatus, LineStanding,
    LinesCancelled, OrderEvent, OrderLine, PaymentStatus, Pieces, Placed, Rejected, Returned, Shipped, Source,
    Standing, Status, StockPolicy,
};
use contracts::topics;
use kernel::{
    ChannelCode, Clock, OrderId, OrganisationId, ParcelId, ProductId, Quantity, ReturnId, SignedMoney, Sku, VariantId,
};
use mediator::{Scope, SendError};
use messaging::Outgoing;
use serde_json::json;
use service::CancellationToken;
use testkit::{Caller, eventually, publish, table_hashes};

use crate::world::{PATIENCE, World, price, product, usd};

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

/// An order of `(sku, pieces, unit price in cents)` whose deadline is that many seconds away.
pub(crate) fn placed(order: OrderId, lines: &[(&str, i64, i64)], deadline_seconds: i64) -> OrderEvent {
    let line = |(name, pieces, cents): &(&str, i64, i64)| OrderLine {
        sku: sku(name),
        product: ProductId::new(),
        variant: VariantId::new(),
        product_version: 1,
        quantity: Quantity::new(*pieces).unwrap(),
        unit_price: usd(*cents),
        price_given: false,
    };
    let now = Clock::now();
    OrderEvent::Placed(Placed {
        order,
        lines: lines.iter().map(line).collect(),
        total: usd(1),
        placed_at: now,
        deadline_at: now + chrono::Duration::seconds(deadline_seconds),
        shopper_reference: None,
        priced_in: None,
        standing: None,
    })
}

/// As [`placed`], at the prices of this sales channel.
fn placed_in(channel: &str, order: OrderId, lines: &[(&str, i64, i64)]) -> OrderEvent {
    let OrderEvent::Placed(placed) = placed(order, lines, 30) else { panic!("it is placed") };
    OrderEvent::Placed(Placed { priced_in: Some(ChannelCode::parse(channel).unwrap()), ..placed })
}

/// As [`placed`], of an order that was sold elsewhere and takes from stock what this policy says.
fn sold(order: OrderId, lines: &[(&str, i64, i64)], stock: StockPolicy) -> OrderEvent {
    let OrderEvent::Placed(placed) = placed(order, lines, 30) else { panic!("it is placed") };
    let standing = Standing { stock, source: Source::Import, ..*standing(Pieces::default()) };
    OrderEvent::Placed(Placed { standing: Some(Box::new(standing)), ..placed })
}

pub(crate) fn confirmed(order: OrderId) -> OrderEvent {
    OrderEvent::Confirmed(Confirmed::new(order, usd(1)))
}

pub(crate) fn cancelled(order: OrderId) -> OrderEvent {
    OrderEvent::Cancelled(Cancelled::new(order, Cause::Shopper))
}

/// More for a confirmed order.
fn added(order: OrderId, number: i64, lines: &[(&str, i64, i64)]) -> OrderEvent {
    let OrderEvent::Placed(placed) = placed(order, lines, 30) else { panic!("it is placed") };
    let (reason, lines, standing) = (None, placed.lines, standing(Pieces::default()));
    OrderEvent::AdditionRequested(AdditionRequested { order, number, reason, lines, priced_in: None, standing })
}

/// An addition that was withdrawn, of an order that keeps these lamps.
fn withdrawn(order: OrderId, number: i64, reserved: i64) -> OrderEvent {
    let standing = standing(Pieces { reserved, ..Pieces::default() });
    OrderEvent::AdditionRefused(AdditionRefused {
        order,
        number,
        reasons: Vec::new(),
        withdrawn: true,
        reason: None,
        standing,
    })
}

/// Where an order of five lamps stands, as far as catalog looks.
fn standing(pieces: Pieces) -> Box<Standing> {
    let nothing = SignedMoney::from(usd(0));
    let amounts = Amounts { gross: nothing, discount: nothing, tax: nothing, shipping: nothing, net: nothing };
    let line = LineStanding {
        sku: sku("LAMP"),
        product: ProductId::new(),
        variant: VariantId::new(),
        unit_price: usd(500),
        unit_cost: None,
        amounts,
        pieces: Pieces { ordered: 5, ..pieces },
    };
    Box::new(Standing {
        number: None,
        source: Source::Shop,
        stock: StockPolicy::Update,
        oversold: false,
        status: Status::Confirmed,
        payment: PaymentStatus::Unpaid,
        fulfilment: FulfilmentStatus::Unfulfilled,
        channel: ChannelCode::shop(),
        customer: None,
        buyer: None,
        total: usd(2_500),
        authorised: usd(0),
        paid: usd(0),
        refunded: usd(0),
        lines: vec![line],
    })
}

fn shipped(order: OrderId, pieces: Pieces) -> OrderEvent {
    let (carrier, tracking_number, lines) = (None, None, Vec::new());
    let parcel = ParcelId::new();
    OrderEvent::Shipped(Shipped { order, parcel, carrier, tracking_number, lines, standing: standing(pieces) })
}

fn lines_cancelled(order: OrderId, pieces: Pieces) -> OrderEvent {
    let (cause, reason, lines) = (Cause::Staff, None, Vec::new());
    OrderEvent::LinesCancelled(LinesCancelled { order, cause, reason, lines, standing: standing(pieces) })
}

fn returned(order: OrderId, pieces: Pieces) -> OrderEvent {
    let (lines, restocked, return_id) = (Vec::new(), Vec::new(), ReturnId::new());
    OrderEvent::Returned(Returned { order, return_id, lines, restocked, standing: standing(pieces) })
}

fn order_of(event: &ReservationEvent) -> OrderId {
    match event {
        ReservationEvent::Reserved(one) => one.order,
        ReservationEvent::Rejected(one) => one.order,
        ReservationEvent::Expired(one) => one.order,
        ReservationEvent::ConfirmRefused(one) => one.order,
        ReservationEvent::Extended(one) => one.order,
        ReservationEvent::ExtensionRefused(one) => one.order,
    }
}

impl World {
    /// Waits until the catalog has said this many things about reservations.
    async fn answers(&self, count: usize) -> Vec<(contracts::Envelope, ReservationEvent)> {
        eventually(PATIENCE, async || {
            let said = self.said::<ReservationEvent>().await;
            if said.len() >= count { Ok(said) } else { Err(said) }
        })
        .await
    }

    async fn answer_to(&self, order: OrderId, version: i64) -> (contracts::Envelope, ReservationEvent) {
        eventually(PATIENCE, async || {
            let said = self.said::<ReservationEvent>().await;
            said.into_iter().find(|(envelope, event)| order_of(event) == order && envelope.aggregate_version == version)
        })
        .await
    }

    async fn state_is(&self, order: OrderId, state: &str) {
        let sql = format!("select state from reservations where order_id = '{}'", order.uuid());
        eventually(PATIENCE, async || {
            let seen = self.value(&sql).await;
            if seen == state { Ok(()) } else { Err(seen) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_heard_of_an_hour_late_is_reserved_for_as_long_as_any_other() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let order = OrderId::new();
    let mut record = publish(Some(world.scene.organisation()), 1, &placed(order, &[("LAMP", 3, 500)], 30 - 3_600));
    let said_at = (Clock::now() - chrono::Duration::hours(1)).to_rfc3339();
    let time = record.headers.iter_mut().find(|(name, _)| name == contracts::header::TIME).unwrap();
    time.1 = said_at.into_bytes();
    world.scene.send(&[record]).await;
    let (_, answer) = world.answer_to(order, 1).await;
    let ReservationEvent::Reserved(reserved) = answer else { panic!("{answer:?}") };
    let left = reserved.expires_at - Clock::now();
    assert!((60..=90).contains(&left.num_seconds()), "the deadline and a margin: {left}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_reserves_then_holds_then_gives_back() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let order = OrderId::new();
    let record = publish(Some(world.scene.organisation()), 1, &placed(order, &[("LAMP", 3, 500)], 30));
    world.scene.send(std::slice::from_ref(&record)).await;
    let (envelope, answer) = world.answer_to(order, 1).await;
    let ReservationEvent::Reserved(reserved) = answer else { panic!("{answer:?}") };
    assert_eq!((reserved.lines[0].sku.as_str(), reserved.lines[0].quantity.get()), ("LAMP", 3));
    let left = reserved.expires_at - Clock::now();
    assert!((60..=90).contains(&left.num_seconds()), "the deadline and a margin: {left}");
    let header = |name: &str| {
        let found = record.headers.iter().find(|(key, _)| key == name).unwrap();
        String::from_utf8(found.1.clone()).unwrap()
    };
    assert_eq!(envelope.correlation.to_string(), header("ce_correlationid"), "one chain of causes");
    assert_eq!(
        envelope.causation.unwrap().to_string(),
        header("ce_id").parse::<kernel::EventId>().unwrap().uuid().to_string()
    );
    assert_eq!(world.level("LAMP").await, (5, 3, 0));

    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;
    assert_eq!(world.level("LAMP").await, (5, 0, 3));
    let (status, problem) = world.owner().post("/admin/v1/stock/LAMP/adjust", &json!({"set": 2})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/stock-conflict")), "{problem}");
    world.scene.publish(3, &cancelled(order)).await;
    world.state_is(order, "released").await;
    assert_eq!(world.level("LAMP").await, (5, 0, 0));
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sold_elsewhere_is_promised_whatever_is_there_or_leaves_the_stock_alone() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let (forced, skipped) = (OrderId::new(), OrderId::new());
    world.scene.publish(1, &sold(skipped, &[("LAMP", 3, 450)], StockPolicy::Skip)).await;
    let of_skipped = |pieces: Pieces| Standing { stock: StockPolicy::Skip, ..*standing(pieces) };
    let (carrier, tracking_number, lines, parcel) = (None, None, Vec::new(), ParcelId::new());
    let left = Box::new(of_skipped(Pieces { shipped: 3, ..Pieces::default() }));
    let left = Shipped { order: skipped, parcel, carrier, tracking_number, lines, standing: left };
    world.scene.publish(2, &OrderEvent::Shipped(left)).await;
    world.scene.publish(1, &sold(forced, &[("LAMP", 7, 450)], StockPolicy::Force)).await;
    let (_, answer) = world.answer_to(forced, 1).await;
    let ReservationEvent::Reserved(reserved) = answer else { panic!("{answer:?}") };
    let line = &reserved.lines[0];
    assert_eq!((line.quantity.get(), line.oversold.map(Quantity::get)), (7, Some(2)));
    assert_eq!(world.level("LAMP").await, (5, 7, 0));
    world.scene.publish(2, &confirmed(forced)).await;
    world.state_is(forced, "held").await;
    world.assert_books_agree().await;
    let known = format!("select count(*) from reservations where order_id = '{}'", skipped.uuid());
    assert_eq!(world.value(&known).await, "0", "catalog knows nothing of it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_an_unknown_type_does_not_stop_a_cancelled_order_from_giving_its_stock_back() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 3, 500)], 30)).await;
    world.answer_to(order, 1).await;
    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;

    // A publisher that is newer than this catalog tells more of the order's life.
    let mut shipped = publish(Some(world.scene.organisation()), 3, &confirmed(order));
    shipped.headers.retain(|(name, _)| name != contracts::header::TYPE);
    shipped.headers.push((contracts::header::TYPE.to_owned(), b"order.order.repacked.v1".to_vec()));
    shipped.payload = Some(json!({"order": order, "parcels": [{"carrier": "post"}]}).to_string().into_bytes());
    world.scene.send(&[shipped]).await;
    world.scene.publish(4, &cancelled(order)).await;
    world.state_is(order, "released").await;
    assert_eq!(world.level("LAMP").await, (5, 0, 0));
    world.assert_books_agree().await;
    assert!(world.scene.read(&format!("{}.dlq.catalog", topics::ORDER.name)).await.is_empty());
    assert_eq!(world.value("select count(*) from parked_keys").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_cannot_be_had_gets_every_reason_and_nothing_else() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5), ("RARE", 900, 1)]).await;
    let retired = world.create("old", &[("OLD", 100, 9)]).await;
    let path = format!("/admin/v1/products/{}/retire", retired["id"].as_str().unwrap());
    assert_eq!(world.owner().post(&path, &json!({})).await.0, 200);
    let order = OrderId::new();
    let lines = [("LAMP", 1, 450), ("RARE", 2, 900), ("OLD", 1, 100), ("NOTHING", 1, 1)];
    world.scene.publish(1, &placed(order, &lines, 30)).await;
    let (_, answer) = world.answer_to(order, 1).await;
    let ReservationEvent::Rejected(rejected) = answer else { panic!("{answer:?}") };
    let expected = [
        Reason::PriceChanged { sku: sku("LAMP"), offered: usd(450), current: usd(500) },
        Reason::UnknownSku { sku: sku("NOTHING") },
        Reason::NotForSale { sku: sku("OLD") },
        Reason::OutOfStock { sku: sku("RARE"), requested: Quantity::new(2).unwrap(), available: 1 },
    ];
    assert_eq!(rejected.reasons, expected);
    assert_eq!(world.level("LAMP").await, (5, 0, 0));
    assert_eq!(world.value("select count(*) from movements where kind <> 'adjust'").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_one_batch_are_held_against_the_prices_and_the_listing_of_their_own_channels() {
    let world = World::connected().await;
    let lamp = world.create("lamp", &[("LAMP", 500, 20)]).await;
    let lamp_id = lamp["variants"][0]["id"].as_str().unwrap();
    world.add_price(lamp_id, &json!({"price": price(400), "channel": "market"})).await;
    world.add_price(lamp_id, &json!({"price": price(600), "channel": "shop"})).await;
    let mug = world.create("mug", &[("MUG", 100, 20)]).await;
    let path = format!("/admin/v1/products/{}", mug["id"].as_str().unwrap());
    let (status, body) =
        world.owner().with("if-match", "*").patch(&path, &json!({"channels": ["market", "shop"]})).await;
    assert_eq!(status, 200, "{body}");

    // What is asked for, in which channel (none as the release before says it), and what stands against it.
    let changed = |offered, current| {
        vec![Reason::PriceChanged { sku: sku("LAMP"), offered: usd(offered), current: usd(current) }]
    };
    let unlisted = vec![Reason::NotInChannel { sku: sku("MUG") }];
    let cases = [
        (Some("market"), "LAMP", 400, vec![]),
        (Some("market"), "LAMP", 600, changed(600, 400)),
        (Some("outlet"), "LAMP", 500, vec![]),
        (Some("outlet"), "LAMP", 400, changed(400, 500)),
        (Some("shop"), "LAMP", 600, vec![]),
        (None, "LAMP", 600, vec![]),
        (None, "LAMP", 400, changed(400, 600)),
        (Some("market"), "MUG", 100, vec![]),
        (Some("outlet"), "MUG", 100, unlisted.clone()),
        (None, "MUG", 100, vec![]),
    ];
    let orders: Vec<OrderId> = cases.iter().map(|_| OrderId::new()).collect();
    let asked = cases.iter().zip(&orders).map(|((channel, name, cents, _), order)| match channel {
        Some(channel) => placed_in(channel, *order, &[(name, 1, *cents)]),
        None => placed(*order, &[(name, 1, *cents)], 30),
    });
    let records: Vec<Outgoing> = asked.map(|event| publish(Some(world.scene.organisation()), 1, &event)).collect();
    world.scene.send(&records).await;
    for ((channel, name, cents, reasons), order) in cases.iter().zip(&orders) {
        let refused = match world.answer_to(*order, 1).await.1 {
            ReservationEvent::Rejected(rejected) => rejected.reasons,
            ReservationEvent::Reserved(_) => vec![],
            other => panic!("{other:?}"),
        };
        assert_eq!(&refused, reasons, "{name} at {cents} in {channel:?}");
    }
    assert_eq!((world.level("LAMP").await, world.level("MUG").await), ((20, 4, 0), (20, 2, 0)));
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_cancelled_before_its_placing_arrived_reserves_nothing() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let order = OrderId::new();
    world.scene.publish(2, &cancelled(order)).await;
    world.state_is(order, "void").await;
    world.scene.publish(1, &placed(order, &[("LAMP", 1, 500)], 30)).await;
    let (_, answer) = world.answer_to(order, 2).await;
    let ReservationEvent::Rejected(rejected) = answer else { panic!("{answer:?}") };
    assert_eq!(rejected.reasons, [Reason::OrderCancelled]);
    assert_eq!(world.level("LAMP").await, (5, 0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_expires_and_a_late_confirmation_is_refused() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let (late, live) = (OrderId::new(), OrderId::new());
    // The deadline lies so far back that the margin is over too.
    world.scene.publish(1, &placed(late, &[("LAMP", 2, 500)], -120)).await;
    world.scene.publish(1, &placed(live, &[("LAMP", 1, 500)], 30)).await;
    world.answers(2).await;
    assert_eq!(world.level("LAMP").await, (5, 3, 0));
    let (one, other, stop) = (world.scene.mediator(), world.scene.mediator(), CancellationToken::new());
    let (first, second) = tokio::join!(expire_due(&one, &stop), expire_due(&other, &stop));
    first.and(second).unwrap();
    world.state_is(late, "expired").await;
    assert_eq!(world.level("LAMP").await, (5, 1, 0), "the other one has time left");
    let (_, answer) = world.answer_to(late, 2).await;
    assert!(matches!(answer, ReservationEvent::Expired(_)), "{answer:?}");
    world.scene.publish(2, &confirmed(late)).await;
    let (_, answer) = world.answer_to(late, 3).await;
    assert!(matches!(answer, ReservationEvent::ConfirmRefused(_)), "{answer:?}");
    expire_due(&one, &CancellationToken::new()).await.unwrap();
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_system_may_look_for_reservations_of_all_organisations() {
    let world = World::connected().await;
    for caller in [Caller::Owner, Caller::OtherOrganisation] {
        let shop = format!("{caller:?}").to_lowercase();
        let reply = world.client(caller).post("/admin/v1/products", &product(&shop, &[("LAMP", 500, 5)])).await;
        assert_eq!(reply.0, 201, "{}", reply.1);
    }
    let (mine, theirs) = (OrderId::new(), OrderId::new());
    let late = |order| placed(order, &[("LAMP", 1, 500)], -120);
    world.scene.publish(1, &late(mine)).await;
    world.scene.send(&[publish(Some(world.scene.other_organisation()), 1, &late(theirs))]).await;
    world.answers(2).await;

    let look = FindDueReservations { after: None, limit: 10 };
    let staff = world.scene.scope(&[Role::Owner]).caller;
    let refused = world.mediator().ask(&Scope::platform(staff), look).await.unwrap_err();
    assert!(matches!(refused, SendError::Forbidden { permission: Permission::System }), "{refused}");
    let found = world.mediator().ask(&Scope::platform_system(catalog::NAME), look).await.unwrap();
    let mut orders: Vec<_> = found.iter().map(|due| (due.organisation, due.order)).collect();
    orders.sort();
    let mut expected = [(world.scene.organisation(), mine), (world.scene.other_organisation(), theirs)];
    expected.sort();
    assert_eq!(orders, expected, "those of every organisation");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_that_cannot_expire_holds_up_no_other_one() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5), ("BULB", 100, 5)]).await;
    let (spoilt, sound) = (OrderId::new(), OrderId::new());
    world.scene.publish(1, &placed(spoilt, &[("LAMP", 2, 500)], -120)).await;
    world.scene.publish(1, &placed(sound, &[("BULB", 1, 100)], -120)).await;
    world.answers(2).await;
    // Somebody wrote past the catalog: less is reserved than was promised.
    world.scene.superuser().await.batch_execute("update stock set reserved = 0 where sku = 'LAMP'").await.unwrap();
    assert!(expire_due(&world.scene.mediator(), &CancellationToken::new()).await.is_err());
    world.state_is(sound, "expired").await;
    assert_eq!(world.level("BULB").await, (5, 0, 0));
    world.state_is(spoilt, "reserved").await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_locked_stock_nor_many_that_cannot_expire_hold_up_what_is_due_behind_them() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5), ("BULB", 100, 5)]).await;
    let (waiting, sound) = (OrderId::new(), OrderId::new());
    world.scene.publish(1, &placed(waiting, &[("LAMP", 2, 500)], -120)).await;
    world.scene.publish(1, &placed(sound, &[("BULB", 1, 100)], -120)).await;
    world.answers(2).await;
    // More than are looked for at once, of an organisation that comes first, name stock that there is not.
    let root = world.scene.superuser().await;
    root.batch_execute(
        r#"insert into reservations (org_id, order_id, state, lines, expires_at, version, updated_at)
           select '00000000-0000-7000-8000-000000000001', gen_random_uuid(), 'reserved',
                  '[{"variant":"00000000-0000-7000-8000-000000000002","sku":"GONE","quantity":1}]', now(), 1, now()
           from generate_series(1, 520)"#,
    )
    .await
    .unwrap();
    let mut other = world.scene.superuser().await;
    let lock = other.transaction().await.unwrap();
    lock.execute("select from stock where sku = 'LAMP' for update", &[]).await.unwrap();
    assert!(
        expire_due(&world.scene.mediator(), &CancellationToken::new()).await.is_err(),
        "those without stock cannot expire"
    );
    world.state_is(sound, "expired").await;
    world.state_is(waiting, "reserved").await;
    lock.rollback().await.unwrap();
    root.batch_execute("delete from reservations where org_id = '00000000-0000-7000-8000-000000000001'").await.unwrap();
    expire_due(&world.scene.mediator(), &CancellationToken::new()).await.unwrap();
    world.state_is(waiting, "expired").await;
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_for_fifty_pieces_sell_fifty_while_staff_works_on_the_same_skus() {
    const ORDERS: usize = 200;
    let world = World::connected().await;
    world.create("lamp", &[("HOT", 500, 50), ("B", 200, 1_000), ("C", 300, 1_000)]).await;
    let other = world.client(Caller::OtherOrganisation);
    assert_eq!(other.post("/admin/v1/products", &product("lamp", &[("HOT", 500, 50)])).await.0, 201);
    let mut records: Vec<Outgoing> = Vec::new();
    for number in 0..ORDERS {
        // The lines of half of them stand the other way round, which must not matter to the locks.
        let mut lines = vec![("HOT", 1, 500), ("B", 2, 200), ("C", 1, 300)];
        if number % 2 == 0 {
            lines.reverse();
        }
        records.push(publish(Some(world.scene.organisation()), 1, &placed(OrderId::new(), &lines, 30)));
        let theirs = placed(OrderId::new(), &[("HOT", 1, 500)], 30);
        records.push(publish(Some(world.scene.other_organisation()), 1, &theirs));
    }
    let staff = {
        let owner = world.owner();
        tokio::spawn(async move {
            for round in 0..20 {
                let (status, reply) = owner.post("/admin/v1/stock/B/adjust", &json!({"delta": 1})).await;
                assert_eq!(status, 201, "{reply}");
                let file = format!("slug,sku,stock\nlamp,C,{}\nlamp,B,{}\n", 2_000 + round, 3_000 + round);
                let client = owner.clone().with("content-type", "text/csv");
                let reply = client.send(reqwest::Method::POST, "/admin/v1/imports", Some(file.into_bytes())).await;
                assert!(
                    !reply.text().contains("failed\":1") && !reply.text().contains("\"failed\",\"slug"),
                    "{}",
                    reply.text()
                );
            }
        })
    };
    world.scene.send(&records).await;
    let answers = world.answers(ORDERS * 2).await;
    staff.await.unwrap();
    assert_eq!(answers.len(), ORDERS * 2, "each order is answered once");
    let sold = |organisation: OrganisationId| {
        let theirs = answers.iter().filter(|(envelope, _)| envelope.organisation == Some(organisation));
        theirs.filter(|(_, event)| matches!(event, ReservationEvent::Reserved(_))).count()
    };
    assert_eq!((sold(world.scene.organisation()), sold(world.scene.other_organisation())), (50, 50));
    assert_eq!(world.level("HOT").await, (50, 50, 0));
    world.assert_books_agree().await;
    let warnings = world.said::<StockEvent>().await;
    assert_eq!(warnings.len(), 2, "sold out, once per organisation: {warnings:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubled_and_shuffled_events_lead_to_the_same_tables() {
    const ORDERS: usize = 30;
    let world = World::connected().await;
    world.create("lamp", &[("A", 500, 1_000), ("B", 200, 1_000)]).await;
    let organisation = Some(world.scene.organisation());
    let mut records: Vec<Outgoing> = Vec::new();
    for number in 0..ORDERS {
        let order = OrderId::new();
        let mut events = vec![placed(order, &[("A", 2, 500), ("B", 1, 200)], 30)];
        match number % 4 {
            0 => events.push(confirmed(order)),
            1 => events.push(cancelled(order)),
            2 => events.extend([confirmed(order), cancelled(order)]),
            _ => {}
        }
        for (event, version) in events.iter().zip(1..) {
            let record = publish(organisation, version, event);
            // The very record again, and the same fact under another id, as a fault of the publisher would send it.
            records.extend([record.clone(), record, publish(organisation, version, event)]);
        }
    }
    // Within a key the order stays; keys are random, so between keys it is another one.
    records.sort_by_key(|record| record.key.as_ref().and_then(|key| key.last().copied()));
    world.scene.send(&records).await;
    world.answers(ORDERS).await;
    let states = "select string_agg(state || ' ' || n, ', ' order by state)
                  from (select state, count(*) n from reservations group by 1) s";
    eventually(PATIENCE, async || {
        let seen = world.value(states).await;
        if seen == "held 8, released 15, reserved 7" { Ok(()) } else { Err(seen) }
    })
    .await;
    assert_eq!(world.level("A").await, (1_000, 14, 16));
    world.assert_books_agree().await;

    let root = world.scene.superuser().await;
    let ignored = ["inbox.*", "*.updated_at", "outbox.*", "availability_marks.*"];
    let before = table_hashes(&root, catalog::NAME, &ignored).await;
    // Everything once more under new ids, backwards: late facts about orders whose state has moved on.
    let mut again: Vec<Outgoing> = Vec::new();
    for record in records.iter().rev() {
        let envelope = contracts::Envelope::from_headers(
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())),
        )
        .unwrap();
        use contracts::Channel as _;
        let event = OrderEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
        // A cancellation that comes after everything else does cancel; the orders that have none get none.
        again.push(publish(organisation, envelope.aggregate_version, &event));
    }
    let claimed: usize = world.value("select count(*) from inbox").await.parse().unwrap();
    world.scene.send(&again).await;
    let expected = (claimed + again.len()).to_string();
    eventually(PATIENCE, async || world.value("select count(*) from inbox").await == expected).await;
    assert_eq!(table_hashes(&root, catalog::NAME, &ignored).await, before);
    assert_eq!(world.said::<ReservationEvent>().await.len(), ORDERS);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_needs_nothing_and_a_record_that_cannot_be_read_stops_nobody() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let (told, broken, fine) = (OrderId::new(), OrderId::new(), OrderId::new());
    let organisation = Some(world.scene.organisation());
    let mut unreadable = publish(organisation, 1, &placed(broken, &[("LAMP", 1, 500)], 30));
    unreadable.payload = Some(b"{".to_vec());
    let rejected = OrderEvent::Rejected(Rejected { order: told, reasons: vec![], standing: None });
    world
        .scene
        .send(&[
            unreadable,
            publish(organisation, 2, &rejected),
            publish(organisation, 1, &placed(fine, &[("LAMP", 1, 500)], 30)),
        ])
        .await;
    let (_, answer) = world.answer_to(fine, 1).await;
    assert!(matches!(answer, ReservationEvent::Reserved(_)), "{answer:?}");
    let letters = format!("{}.dlq.catalog", topics::ORDER.name);
    eventually(PATIENCE, async || world.scene.read(&letters).await.len() == 1).await;
    eventually(PATIENCE, async || world.value("select count(*) from parked_keys").await == "1").await;
    assert_eq!(world.value("select count(*) from reservations").await, "1");
    world.stop().await;
}

/// An order of five lamps that is held; ten are there.
async fn held(world: &World) -> OrderId {
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    held_lamps(world, 5).await
}

/// A confirmed order of so many lamps, which are there.
async fn held_lamps(world: &World, pieces: i64) -> OrderId {
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", pieces, 500)], 30)).await;
    world.answer_to(order, 1).await;
    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;
    order
}

impl World {
    async fn level_is(&self, level: (i64, i64, i64)) {
        eventually(PATIENCE, async || {
            let seen = self.level("LAMP").await;
            if seen == level { Ok(()) } else { Err(seen) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parcels_cancelled_lines_and_returns_move_the_stock_once_whatever_comes_twice_or_late() {
    let world = World::connected().await;
    let order = held(&world).await;
    let sent = shipped(order, Pieces { shipped: 2, ..Pieces::default() });
    let record = publish(Some(world.scene.organisation()), 3, &sent);
    // The same record twice, and the same fact once more under another id.
    world.scene.send(&[record.clone(), record, publish(Some(world.scene.organisation()), 3, &sent)]).await;
    world.level_is((8, 0, 3)).await;
    let cancelled = lines_cancelled(order, Pieces { shipped: 2, cancelled: 1, ..Pieces::default() });
    world.scene.publish(4, &cancelled).await;
    world.level_is((8, 0, 2)).await;
    let rest = shipped(order, Pieces { shipped: 4, cancelled: 1, ..Pieces::default() });
    world.scene.publish(5, &rest).await;
    world.level_is((6, 0, 0)).await;
    let back = Pieces { shipped: 4, cancelled: 1, returned: 3, written_off: 1, ..Pieces::default() };
    world.scene.publish(6, &returned(order, back)).await;
    world.level_is((8, 0, 0)).await;
    // What was told before comes again, backwards.
    for (version, event) in [(7, &cancelled), (8, &sent), (9, &rest)] {
        world.scene.publish(version, event).await;
    }
    eventually(PATIENCE, async || {
        let seen = world.value("select count(*) from inbox").await;
        if seen == "10" { Ok(()) } else { Err(seen) }
    })
    .await;
    world.level_is((8, 0, 0)).await;
    let ledger = "select string_agg(concat_ws(' ', kind, on_hand_delta, held_delta), '; ' order by movement_id)
                  from movements where order_id is not null";
    assert_eq!(
        world.value(ledger).await,
        "reserve 0 0; hold 0 5; commit -2 -2; release 0 -1; commit -2 -2; restock 2 0"
    );
    world.assert_books_agree().await;
    assert!(world.scene.read(&format!("{}.dlq.catalog", topics::ORDER.name)).await.is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_added_to_a_confirmed_order_is_held_once_all_of_it_or_nothing() {
    let world = World::connected().await;
    let order = held(&world).await;
    world.create("bulb", &[("BULB", 100, 2)]).await;
    let organisation = Some(world.scene.organisation());
    let more = added(order, 1, &[("LAMP", 1, 500), ("BULB", 2, 100)]);
    let record = publish(organisation, 3, &more);
    // The same record twice, and the same request once more under another id.
    world.scene.send(&[record.clone(), record, publish(organisation, 3, &more)]).await;
    let (_, answer) = world.answer_to(order, 3).await;
    let ReservationEvent::Extended(extended) = answer else { panic!("{answer:?}") };
    let lines: Vec<_> = extended.lines.iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect();
    assert_eq!((extended.number, lines), (1, vec![("BULB", 2), ("LAMP", 1)]));
    assert_eq!((world.level("LAMP").await, world.level("BULB").await), ((10, 0, 6), (2, 0, 2)));

    world.scene.publish(4, &added(order, 2, &[("LAMP", 1, 500), ("BULB", 1, 100), ("OLD", 1, 100)])).await;
    let (_, answer) = world.answer_to(order, 4).await;
    let ReservationEvent::ExtensionRefused(refused) = answer else { panic!("{answer:?}") };
    let missing = Reason::OutOfStock { sku: sku("BULB"), requested: Quantity::new(1).unwrap(), available: 0 };
    assert_eq!((refused.number, refused.reasons), (2, vec![missing, Reason::UnknownSku { sku: sku("OLD") }]));
    assert_eq!(world.level("LAMP").await, (10, 0, 6), "nothing of it is held");
    let (status, explained) = world.owner().get("/admin/v1/stock/BULB/explain").await;
    assert_eq!((status, &explained["ledger_agrees"]), (200, &json!(true)), "{explained}");
    assert!(explained["steps"].as_array().unwrap().iter().any(|step| step["kind"] == "extend"), "{explained}");

    // A cancellation that was said after what was asked for frees that as well.
    world.scene.publish(5, &added(order, 3, &[("LAMP", 2, 500)])).await;
    world.scene.publish(6, &cancelled(order)).await;
    world.state_is(order, "released").await;
    assert_eq!((world.level("LAMP").await, world.level("BULB").await), ((10, 0, 0), (2, 0, 0)));
    world.scene.publish(7, &added(order, 4, &[("LAMP", 1, 500)])).await;
    let (_, answer) = world.answer_to(order, 7).await;
    let ReservationEvent::ExtensionRefused(refused) = answer else { panic!("{answer:?}") };
    assert_eq!((refused.number, refused.reasons), (4, vec![Reason::OrderCancelled]));
    assert_eq!(world.said::<ReservationEvent>().await.len(), 5, "each is answered once");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn additions_of_two_organisations_in_one_batch_take_from_their_own_stock() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 5)]).await;
    let other = world.client(Caller::OtherOrganisation);
    assert_eq!(other.post("/admin/v1/products", &product("lamp", &[("LAMP", 500, 3)])).await.0, 201);
    let (mine, theirs) = (OrderId::new(), OrderId::new());
    let organisations = [(world.scene.organisation(), mine), (world.scene.other_organisation(), theirs)];
    let all = |version: i64, event: &dyn Fn(OrderId) -> OrderEvent| -> Vec<Outgoing> {
        organisations.iter().map(|(of, order)| publish(Some(*of), version, &event(*order))).collect()
    };
    let mut records = all(1, &|order| placed(order, &[("LAMP", 2, 500)], 30));
    records.extend(all(2, &confirmed));
    records.extend(all(3, &|order| added(order, 1, &[("LAMP", 3, 500)])));
    world.scene.send(&records).await;
    let (_, answer) = world.answer_to(mine, 3).await;
    assert!(matches!(answer, ReservationEvent::Extended(_)), "{answer:?}");
    let (_, answer) = world.answer_to(theirs, 3).await;
    assert!(matches!(answer, ReservationEvent::ExtensionRefused(_)), "{answer:?}");
    assert_eq!(world.level("LAMP").await, (5, 0, 5));
    let (_, stock) = other.get("/admin/v1/stock/LAMP").await;
    assert_eq!((&stock["on_hand"], &stock["held"]), (&json!(3), &json!(2)), "{stock}");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_places_that_serve_an_order_serve_what_is_added_too() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10), ("BULB", 100, 4)]).await;
    for (code, priority) in [("hanoi", 1), ("hue", 2)] {
        let place = json!({"code": code, "name": code, "priority": priority});
        assert_eq!(world.owner().post("/admin/v1/locations", &place).await.0, 201);
    }
    let transfer = async |sku: &str, to: &str, pieces: i64| {
        let body = json!({"to": to, "pieces": pieces});
        assert_eq!(world.owner().post(&format!("/admin/v1/stock/{sku}/transfer"), &body).await.0, 201);
    };
    transfer("LAMP", "hanoi", 6).await;
    transfer("LAMP", "hue", 4).await;
    transfer("BULB", "hue", 4).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 5, 500)], 30)).await;
    world.answer_to(order, 1).await;
    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;
    // One more from where the others come from, then more than is left there, and a SKU that is elsewhere.
    for (version, lines, served) in [
        (3, &[("LAMP", 1, 500)][..], "LAMP hanoi 1"),
        (4, &[("LAMP", 2, 500), ("BULB", 3, 100)], "BULB hue 3; LAMP hue 2"),
    ] {
        world.scene.publish(version, &added(order, version - 2, lines)).await;
        let (_, answer) = world.answer_to(order, version).await;
        let ReservationEvent::Extended(extended) = answer else { panic!("{answer:?}") };
        let from = |line: &contracts::catalog::ReservedLine| {
            let places = line.serving.iter().map(|one| format!("{} {}", one.location, one.quantity.get()));
            format!("{} {}", line.sku, places.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(extended.lines.iter().map(from).collect::<Vec<_>>().join("; "), served);
    }
    let places =
        "select string_agg(concat_ws(' ', sku, location, pieces), '; ' order by sku, location) from order_places";
    assert_eq!(world.value(places).await, "BULB hue 3; LAMP hanoi 6; LAMP hue 2");
    let promised =
        "select string_agg(concat_ws(' ', sku, location, promised), '; ' order by sku, location) from location_levels";
    assert_eq!(world.value(promised).await, "BULB hue 3; LAMP hanoi 6; LAMP hue 2");
    world.scene.publish(5, &shipped(order, Pieces { shipped: 8, ..Pieces::default() })).await;
    world.level_is((2, 0, 0)).await;
    let ledger = "select string_agg(concat_ws(' ', location, on_hand_delta), '; ' order by movement_id)
                  from movements where kind = 'commit'";
    assert_eq!(world.value(ledger).await, "hanoi -6; hue -2");
    world.scene.publish(6, &cancelled(order)).await;
    world.state_is(order, "released").await;
    assert_eq!(world.value("select coalesce(sum(promised), 0) from location_levels").await, "0");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_off_and_added_in_one_batch_is_promised_by_its_place_once() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    let all = json!({"to": "hanoi", "pieces": 10});
    assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &all).await.0, 201);
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 5, 500)], 30)).await;
    world.answer_to(order, 1).await;
    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;
    let organisation = Some(world.scene.organisation());
    let less = lines_cancelled(order, Pieces { cancelled: 3, ..Pieces::default() });
    world
        .scene
        .send(&[publish(organisation, 3, &less), publish(organisation, 4, &added(order, 1, &[("LAMP", 3, 500)]))])
        .await;
    world.answer_to(order, 4).await;
    world.level_is((10, 0, 5)).await;
    let promised = "select concat_ws(' ', promised, (select sum(pieces) from order_places)) from location_levels";
    assert_eq!(world.value(promised).await, "5 5");
    // What is added and withdrawn in one batch is promised by none.
    let more = added(order, 2, &[("LAMP", 4, 500)]);
    world.scene.send(&[publish(organisation, 5, &more), publish(organisation, 6, &withdrawn(order, 2, 5))]).await;
    world.answer_to(order, 5).await;
    world.level_is((10, 0, 5)).await;
    assert_eq!(world.value(promised).await, "5 5");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_for_an_addition_that_is_withdrawn_is_free_again_and_promised_by_no_place() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10), ("BULB", 100, 4)]).await;
    let hanoi = json!({"code": "hanoi", "name": "hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    for (sku, pieces) in [("LAMP", 10), ("BULB", 4)] {
        let all = json!({"to": "hanoi", "pieces": pieces});
        assert_eq!(world.owner().post(&format!("/admin/v1/stock/{sku}/transfer"), &all).await.0, 201);
    }
    let order = held_lamps(&world, 2).await;
    let more = added(order, 1, &[("LAMP", 1, 500), ("BULB", 3, 100)]);
    world.scene.publish(3, &more).await;
    world.answer_to(order, 3).await;
    assert_eq!((world.level("LAMP").await, world.level("BULB").await), ((10, 0, 3), (4, 0, 3)));
    // Both once more under other ids: what was decided is not decided again.
    for event in [&withdrawn(order, 1, 2), &more, &withdrawn(order, 1, 2)] {
        world.scene.publish(4, event).await;
    }
    world.level_is((10, 0, 2)).await;
    assert_eq!(world.level("BULB").await, (4, 0, 0));
    // Nor is one whose question never came, should it come late.
    world.scene.publish(5, &withdrawn(order, 2, 2)).await;
    world.scene.publish(6, &added(order, 2, &[("LAMP", 1, 500)])).await;
    world.scene.publish(7, &added(order, 3, &[("LAMP", 1, 500)])).await;
    world.answer_to(order, 7).await;
    assert_eq!(world.level("LAMP").await, (10, 0, 3));
    let places = "select string_agg(concat_ws(' ', sku, location, pieces), '; ' order by sku, location)
                  from order_places where pieces > 0";
    assert_eq!(world.value(places).await, "LAMP hanoi 3");
    let promised = "select string_agg(concat_ws(' ', sku, location, promised), '; ' order by sku, location)
                    from location_levels where promised > 0";
    assert_eq!(world.value(promised).await, "LAMP hanoi 3");
    let ledger = "select string_agg(concat_ws(' ', kind, sku, held_delta), '; ' order by movement_id)
                  from movements where kind in ('extend', 'release')";
    assert_eq!(
        world.value(ledger).await,
        "extend BULB 3; extend LAMP 1; release BULB -3; release LAMP -1; extend LAMP 1"
    );
    world.assert_books_agree().await;
    assert!(world.scene.read(&format!("{}.dlq.catalog", topics::ORDER.name)).await.is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_comes_from_the_location_that_has_it() {
    let world = World::connected().await;
    let order = held(&world).await;
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    let all = json!({"to": "hanoi", "pieces": 9});
    assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &all).await.0, 201);
    world.scene.publish(3, &shipped(order, Pieces { shipped: 5, ..Pieces::default() })).await;
    world.level_is((5, 0, 0)).await;
    let (_, places) = world.owner().get("/admin/v1/stock/LAMP/places").await;
    let at: Vec<(&str, i64)> = places["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{places}"))
        .iter()
        .map(|place| (place["location"].as_str().unwrap(), place["on_hand"].as_i64().unwrap()))
        .collect();
    assert_eq!(at, [("default", 1), ("hanoi", 4)]);
    let ledger = "select string_agg(concat_ws(' ', kind, location, on_hand_delta), '; ' order by movement_id)
                  from movements where kind = 'commit'";
    assert_eq!(world.value(ledger).await, "commit hanoi -5");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_takes_from_the_place_that_was_to_serve_its_order_and_nothing_stays_promised() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    let transfer = async |body| assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &body).await.0, 201);
    transfer(json!({"to": "hanoi", "pieces": 10})).await;
    let order = OrderId::new();
    world.scene.publish(1, &placed(order, &[("LAMP", 5, 500)], 30)).await;
    world.answer_to(order, 1).await;
    world.scene.publish(2, &confirmed(order)).await;
    world.state_is(order, "held").await;
    transfer(json!({"from": "hanoi", "to": "default", "pieces": 7})).await;
    let hanoi_has = "select concat_ws(' ', on_hand, promised, coalesce((select sum(pieces) from order_places), 0))
                     from location_levels";
    assert_eq!(world.value(hanoi_has).await, "3 5 5");
    let pieces = |shipped, cancelled| Pieces { shipped, cancelled, ..Pieces::default() };
    for (version, event, level, expected) in [
        (3, shipped(order, pieces(2, 0)), (8, 0, 3), "1 3 3"),
        (4, lines_cancelled(order, pieces(2, 1)), (8, 0, 2), "1 2 2"),
        (5, shipped(order, pieces(4, 1)), (6, 0, 0), "0 0 0"),
    ] {
        world.scene.publish(version, &event).await;
        world.level_is(level).await;
        assert_eq!(world.value(hanoi_has).await, expected, "after event {version}");
    }
    let ledger =
        "select string_agg(concat_ws(' ', coalesce(location, 'default'), on_hand_delta), '; ' order by movement_id)
                  from movements where kind = 'commit'";
    assert_eq!(world.value(ledger).await, "hanoi -2; hanoi -1; default -1");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_an_order_whose_parcel_was_heard_of_before_its_placing_is_served_by_a_place() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 500, 10)]).await;
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    assert_eq!(world.owner().post("/admin/v1/locations", &hanoi).await.0, 201);
    let transfer = json!({"to": "hanoi", "pieces": 10});
    assert_eq!(world.owner().post("/admin/v1/stock/LAMP/transfer", &transfer).await.0, 201);
    let order = OrderId::new();
    world.scene.publish(3, &shipped(order, Pieces { shipped: 2, ..Pieces::default() })).await;
    world.state_is(order, "void").await;
    world.level_is((8, 0, 0)).await;
    world.scene.publish(1, &placed(order, &[("LAMP", 5, 500)], 30)).await;
    world.level_is((8, 0, 3)).await;
    let hanoi_has = "select concat_ws(' ', on_hand, promised, coalesce((select sum(pieces) from order_places), 0))
                     from location_levels";
    assert_eq!(world.value(hanoi_has).await, "8 3 3");
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_held_of_an_order_is_explained_after_a_part_of_it_left() {
    let world = World::connected().await;
    let order = held(&world).await;
    world.scene.publish(3, &shipped(order, Pieces { shipped: 2, ..Pieces::default() })).await;
    world.level_is((8, 0, 3)).await;
    let (status, explained) = world.owner().get("/admin/v1/stock/LAMP/explain").await;
    assert_eq!(status, 200, "{explained}");
    assert_eq!(
        (&explained["orders"][0]["pieces"], &explained["ledger_agrees"]),
        (&json!(3), &json!(true)),
        "{explained}"
    );
    world.stop().await;
}
