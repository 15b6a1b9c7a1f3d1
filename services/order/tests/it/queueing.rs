//! Orders that are queued: kept at once, placed in their turn and once, or refused as if they had been placed at once.

use access::Organisation;
use contracts::{Envelope, order::IntakeEvent, topics};
use futures::future::join_all;
use kernel::{CustomerId, OrderId, OrganisationId};
use mediator::{Class, Classified, Provenance, Scope};
use order::{
    commands::{ApplyProducts, PlaceQueued, Turn},
    config::Settings,
    domain::{HoldLimits, Product},
    processes::intake_sweep,
    queries::MeasureIntake,
};
use serde_json::{Value, json};
use testkit::{Caller, Client, Topics, eventually, problem_fields};
use uuid::Uuid;

use crate::world::{PATIENCE, Placed, World, one, product, settings};

const ADMIN: &str = "/admin/v1/orders/queue";

fn queue(world: &World) -> String {
    format!("{}/queue", world.orders())
}

/// A client that asks for something new each time.
fn anew(client: &Client) -> Client {
    client.clone().with("idempotency-key", &Uuid::new_v4().to_string())
}

async fn queued(world: &World, client: &Client, body: &Value) -> Placed {
    let reply = anew(client).post_reply(&queue(world), body).await;
    assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("queued")), "{}", reply.text());
    Placed::of(&reply)
}

/// What staff sees of an order that was queued.
async fn told(world: &World, order: OrderId) -> Value {
    let (status, told) = world.client(Caller::Viewer).get(&format!("{ADMIN}/{order}")).await;
    assert_eq!(status, 200, "{told}");
    told
}

/// The turn of these orders, as an event would say it.
async fn turn(world: &World, orders: &[(OrganisationId, OrderId)]) {
    let provenance = Provenance { causation: Some(Uuid::now_v7()), ..Provenance::new("system:order") };
    let turns = orders
        .iter()
        .map(|(organisation, order)| Turn {
            organisation: *organisation,
            order: *order,
            provenance: provenance.clone(),
        })
        .collect();
    let scope = Scope::batch(order::NAME, orders.iter().map(|(organisation, _)| *organisation));
    let organisations = world.scene.organisations();
    world.mediator().send(&scope, PlaceQueued { turns, organisations }).await.unwrap();
}

async fn turn_of(world: &World, orders: &[OrderId]) {
    let organisation = world.scene.organisation();
    turn(world, &orders.iter().map(|order| (organisation, *order)).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_order_is_kept_at_once_and_placed_once_whoever_asks_how_often() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let customer = CustomerId::new();
    let cleo = world.customer(customer);
    let mut body = one("MUG");
    body["contact"] = json!({"name": "Cleo Pham", "email": "cleo@example.org"});
    body["reference"] = json!("for the party");
    let reply = cleo.post_reply(&queue(&world), &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let Placed { order, token } = Placed::of(&reply);
    let location = reply.header("location").unwrap().to_owned();
    assert_eq!(location, format!("{}/{order}", queue(&world)));

    let holder = world.shopper().with("order-token", &token);
    let own = format!("{}/{order}", world.orders());
    for client in [&holder, &cleo] {
        let placed = eventually(PATIENCE, async || {
            let (status, told) = client.get(&location).await;
            assert_eq!(status, 200, "{told}");
            if told["status"] == "placed" { Ok(told) } else { Err(told) }
        })
        .await;
        assert_eq!(placed["order"], own);
        assert_eq!(client.get(&own).await.0, 200);
    }
    let placed = told(&world, order).await;
    assert_eq!((&placed["id"], &placed["order"]), (&json!(order), &json!(format!("/admin/v1/orders/{order}"))));
    let seen = world.read(order).await;
    assert_eq!((&seen["contact"]["name"], &seen["reference"]), (&json!("Cleo Pham"), &json!("for the party")));
    assert_eq!((&seen["source"], &seen["total"]["amount"]), (&json!("shop"), &json!("9.90")));

    // Its turn comes again in another event, so that no inbox keeps it away.
    let again = IntakeEvent::Queued(contracts::order::Queued { order });
    world.scene.publish(1, &again).await;
    world.scene.publish(1, &again).await;
    let taken = "select count(*) from inbox";
    eventually(PATIENCE, async || {
        let taken = world.value(taken).await;
        if taken == "3" { Ok(()) } else { Err(taken) }
    })
    .await;
    let said = eventually(PATIENCE, async || {
        let said = world.said(order).await;
        if said.is_empty() { Err("nothing said") } else { Ok(said) }
    })
    .await;
    assert_eq!(said, [("order.order.placed.v1".to_owned(), 1)]);
    assert_eq!(world.value("select count(*) from orders").await, "1");
    assert_eq!(told(&world, order).await, placed);

    let records = world.scene.read(topics::INTAKE.name).await;
    let envelope = Envelope::from_headers(records[0].header_pairs()).unwrap();
    assert_eq!(records[0].payload.as_deref(), Some(json!({"order": order}).to_string().as_bytes()), "only the id");
    // The order was placed by whoever asked, as a part of what they asked for.
    let records = world.scene.read(topics::ORDER.name).await;
    let first = Envelope::from_headers(records[0].header_pairs()).unwrap();
    assert_eq!((&first.actor, &envelope.actor), (&customer.to_string(), &customer.to_string()));
    assert_eq!((first.correlation, first.causation), (envelope.correlation, Some(envelope.id.uuid())));
    assert_eq!(world.value("select actor from order_history").await, customer.to_string());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn until_its_turn_an_order_is_none_and_afterwards_nothing_that_was_said_is_left_beside_it() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut named = one("MUG");
    named["contact"] = json!({"name": "Cleo", "email": "cleo@example.org", "phone": "0901234567"});
    named["reference"] = json!("Cleo's mug");
    let mut unknown = named.clone();
    unknown["lines"][0]["sku"] = json!("NOPE");
    let (fine, refused) =
        (queued(&world, &world.shopper(), &named).await, queued(&world, &world.shopper(), &unknown).await);
    let own = format!("{}/{}", world.orders(), fine.order);
    assert_eq!(world.shopper().with("order-token", &fine.token).get(&own).await.0, 404);
    for order in [fine.order, refused.order] {
        let told = told(&world, order).await;
        assert_eq!((&told["status"], &told["order"], &told["problem"]), (&json!("queued"), &json!(null), &json!(null)));
    }
    assert_eq!(world.value("select count(*) || ' ' || count(distinct aggregateid) from outbox").await, "2 2");
    let private = "cleo|0901234567";
    let told_of = format!(
        "select count(*) from (select payload || headers::text from outbox
                               union all select convert_from(body, 'UTF8') from replays) as told (text)
         where text ~* '{private}'"
    );
    assert_eq!(world.value(&told_of).await, "0", "what was said is on a topic or in a reply that is kept");
    assert_eq!(world.value("select count(*) from orders").await, "0");

    let orders = [fine.order, refused.order];
    let turns = (0..4).map(|_| turn_of(&world, &orders));
    join_all(turns).await;
    let orders = "select string_agg(id::text, ' ') from orders";
    assert_eq!(world.value(orders).await, fine.order.uuid().to_string());
    let kept =
        format!("select count(*) from order_intake i where to_jsonb(i)::text ~* '{private}' or wanted is not null");
    assert_eq!(world.value(&kept).await, "0");
    assert_eq!(world.value("select string_agg(status, ' ' order by status) from order_intake").await, "placed refused");
    let tokens = "select count(*) from order_intake i join orders o on o.id = i.id and o.token_digest = i.token_digest";
    assert_eq!(world.value(tokens).await, "1");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_problem_that_placing_at_once_is_answered_with() {
    let world = World::quiet().await;
    let mut retired = product("OLD", 3, 100);
    retired.variants[0].for_sale = false;
    world.apply(vec![product("MUG", 1, 990), retired]).await;
    let (staff, guest) = (world.client(Caller::Owner), world.shopper());
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let mut shown = one("MUG");
    shown["lines"][0]["unit_price"] = usd("8.90");
    let mut total = one("MUG");
    total["total"] = usd("1.00");
    let mut foreign = one("MUG");
    foreign["shipping"] = json!({"amount": "1.00", "currency": "EUR"});
    let mut off = one("MUG");
    off["discount"] = usd("10.00");
    let flawed = json!({"lines": [{"sku": "NOPE", "quantity": 1}, {"sku": "OLD", "quantity": 2}]});
    let (store, admin) = (world.orders(), "/admin/v1/orders".to_owned());
    for (client, orders, body, kind) in [
        (&guest, &store, flawed, "unsellable-lines"),
        (&guest, &store, shown, "price-changed"),
        (&staff, &admin, total, "total-mismatch"),
        (&staff, &admin, foreign, "invalid-request"),
        (&staff, &admin, off, "invalid-request"),
    ] {
        let (status, mut at_once) = anew(client).post(orders, &body).await;
        assert_eq!(at_once["type"], format!("/problems/{kind}"), "{at_once}");
        let reply = anew(client).post_reply(&format!("{orders}/queue"), &body).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        let order = Placed::of(&reply).order;
        turn_of(&world, &[order]).await;
        let told = told(&world, order).await;
        let of_request = at_once.as_object_mut().unwrap();
        of_request.remove("request_id");
        of_request.remove("trace_id");
        assert_eq!((&told["status"], &told["problem"]), (&json!("refused"), &at_once));
        assert_eq!(told["problem"]["status"], status);
        assert!(told["order"].is_null() && told["decided_at"].is_string(), "{told}");
    }
    assert_eq!(world.value("select count(*) from orders").await, "0");
    world.stop().await;
}

/// Makes a guest's new order this customer's: whoever claims one may have more open ones than the limit.
async fn claimed(world: &World, customer: &Client) {
    let Placed { order, token } = Placed::of(&anew(&world.shopper()).post_reply(&world.orders(), &one("MUG")).await);
    let claiming = customer.clone().with("order-token", &token);
    let (status, claimed) = claiming.post(&format!("{}/{order}/claim", world.orders()), &json!({})).await;
    assert_eq!(status, 200, "{claimed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_refused_takes_no_place_of_the_one_behind_it() {
    let limits = HoldLimits { per_customer: 3, per_address: 0 };
    let world = World::start(Settings { limits, ..settings() }, Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let cleo = world.customer(CustomerId::new());
    let mut changed = one("MUG");
    changed["lines"][0]["unit_price"] = json!({"amount": "8.90", "currency": "USD"});
    let mut orders = Vec::new();
    for body in [changed, one("MUG"), one("MUG")] {
        orders.push(queued(&world, &cleo, &body).await.order);
    }
    let (status, at_once) = anew(&cleo).post(&queue(&world), &one("MUG")).await;
    assert_eq!((status, &at_once["type"]), (409, &json!("/problems/too-many-open-orders")), "{at_once}");
    // Two become open while they wait, which leaves one place for the three.
    claimed(&world, &cleo).await;
    claimed(&world, &cleo).await;
    turn_of(&world, &orders).await;
    let mut ends = Vec::new();
    for order in orders {
        let told = told(&world, order).await;
        ends.push(told["problem"]["type"].as_str().unwrap_or("placed").to_owned());
    }
    assert_eq!(ends, ["/problems/price-changed", "placed", "/problems/too-many-open-orders"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_queued_an_order_cancels_it_before_its_turn_and_nothing_of_it_is_left() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut named = one("MUG");
    named["contact"] = json!({"name": "Cleo", "email": "cleo@example.org"});
    let (cleo, dan, guest) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()), world.shopper());
    let (by_account, by_token, by_staff) = (
        queued(&world, &cleo, &named).await,
        queued(&world, &guest, &named).await,
        queued(&world, &guest, &named).await,
    );
    let cancel = |order: OrderId| format!("{}/{order}/cancel", queue(&world));
    let nothing = json!({});
    // Whom it does not concern.
    assert_eq!(guest.post(&cancel(by_account.order), &nothing).await.0, 401);
    assert_eq!(dan.post(&cancel(by_account.order), &nothing).await.0, 404);
    let holder = |placed: &Placed| world.shopper().with("order-token", &placed.token);
    assert_eq!(holder(&by_account).post(&cancel(by_token.order), &nothing).await.0, 404);
    assert_eq!(cleo.post(&cancel(OrderId::new()), &nothing).await.0, 404);
    let staff = world.client(Caller::Owner);
    let admin = format!("{ADMIN}/{}/cancel", by_staff.order);
    assert_eq!(world.client(Caller::Viewer).post(&admin, &nothing).await.0, 403);
    assert_eq!(world.client(Caller::OtherOrganisation).post(&admin, &nothing).await.0, 404);

    // Staff says why. Who it was and what was said is for staff to see, and is not changed by whoever comes later.
    let why = json!({"reason": "The shop is moving."});
    for (client, at, order, body, by) in [
        (cleo, cancel(by_account.order), by_account.order, &nothing, "cust_"),
        (holder(&by_token), cancel(by_token.order), by_token.order, &nothing, "shopper"),
        (staff.clone(), admin, by_staff.order, &why, "user_"),
    ] {
        let (status, first) = client.post(&at, body).await;
        assert_eq!((status, &first["status"], &first["id"]), (200, &json!("cancelled"), &json!(order)), "{first}");
        assert_eq!(client.post(&at, &nothing).await, (200, first.clone()), "a repeat changes nothing");
        assert!(first["order"].is_null() && first["problem"].is_null() && first["decided_at"].is_string(), "{first}");
        let seen = told(&world, order).await;
        assert!(seen["cancelled_by"].as_str().unwrap().starts_with(by), "{seen}");
        assert_eq!(seen["reason"], body["reason"], "{seen}");
        assert_eq!(seen["decided_at"], first["decided_at"]);
        let later = staff.post(&format!("{ADMIN}/{order}/cancel"), &json!({"reason": "Too late."})).await;
        assert_eq!(later, (200, seen.clone()));
        assert_eq!(first["cancelled_by"].is_string(), by == "user_", "a shopper is not told: {first}");
        let own = holder(&by_staff).get(&format!("{}/{}", queue(&world), by_staff.order)).await.1;
        assert!(own["cancelled_by"].is_null() && own["reason"].is_null(), "{own}");
    }
    let kept = "select count(*) from order_intake i where to_jsonb(i)::text ~* 'cleo@' or wanted is not null";
    assert_eq!(world.value(kept).await, "0");
    // Their turns come all the same, and find nothing to do.
    turn_of(&world, &[by_account.order, by_token.order, by_staff.order]).await;
    assert_eq!(world.value("select count(*) from orders").await, "0");
    assert_eq!(told(&world, by_token.order).await["status"], "cancelled");

    // One that has had its turn is not cancelled here.
    let (fine, flawed) = (queued(&world, &guest, &one("MUG")).await, queued(&world, &guest, &one("NOPE")).await);
    turn_of(&world, &[fine.order, flawed.order]).await;
    for (placed, became) in [(&fine, "placed"), (&flawed, "refused")] {
        let (status, problem) = holder(placed).post(&cancel(placed.order), &nothing).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-not-cancellable")), "{problem}");
        assert_eq!(problem["queue_status"], became);
    }
    assert_eq!(world.read(fine.order).await["status"], "pending");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_in_the_moment_of_its_turn_is_placed_or_cancelled_and_never_both() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper();
    let mut waiting = Vec::new();
    for _ in 0..40 {
        waiting.push(queued(&world, &shopper, &one("MUG")).await);
    }
    let orders: Vec<OrderId> = waiting.iter().map(|placed| placed.order).collect();
    let cancelling = waiting.iter().map(|placed| {
        let client = world.shopper().with("order-token", &placed.token);
        let at = format!("{}/{}/cancel", queue(&world), placed.order);
        async move { client.post(&at, &json!({})).await.0 }
    });
    let turns = async {
        for some in orders.chunks(4) {
            turn_of(&world, some).await;
        }
    };
    let (answers, ()) = tokio::join!(join_all(cancelling), turns);
    for (order, answer) in orders.iter().zip(answers) {
        let told = told(&world, *order).await;
        assert_eq!(told["status"], if answer == 200 { "cancelled" } else { "placed" }, "{answer}: {told}");
    }
    let wrong = "select count(*) from order_intake i full join orders o on o.org_id = i.org_id and o.id = i.id
                 where (o.id is not null) <> (i.status = 'placed')";
    assert_eq!(world.value(wrong).await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_itself_is_said_at_once_and_nothing_is_kept() {
    let world = World::quiet().await;
    let malformed = json!({"lines": [{"sku": "A B", "quantity": 0}], "contact": {"email": "nobody"}});
    let most = json!({"sku": "MUG", "quantity": 1_000_000});
    let too_many = json!({"lines": [most, most]});
    let (shopper, staff) = (world.shopper(), world.client(Caller::Owner));
    for (client, path) in [(&shopper, queue(&world)), (&staff, ADMIN.to_owned())] {
        let (status, problem) = anew(client).post(&path, &malformed).await;
        let fields = problem_fields(&problem);
        assert_eq!((status, fields.len()), (422, 3), "{problem}");
        let (status, problem) = anew(client).post(&path, &too_many).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/unsellable-lines")), "{problem}");
        assert_eq!(client.clone().without_key().post(&path, &one("MUG")).await.0, 400);
    }
    let (status, problem) = shopper.clone().with("idempotency-key", "order-1").post(&queue(&world), &one("MUG")).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["Idempotency-Key"]), "{problem}");
    world.scene.takes_guests(false);
    assert_eq!(anew(&shopper).post(&queue(&world), &one("MUG")).await.0, 401, "this shop takes no guests");
    assert_eq!(world.client(Caller::Viewer).post(ADMIN, &one("MUG")).await.0, 403);
    assert_eq!(world.value("select count(*) from order_intake").await, "0");
    assert_eq!(world.value("select count(*) from outbox").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_good_for_one_order_by_whichever_way() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let staff = world.client(Caller::Owner);
    let admin = "/admin/v1/orders".to_owned();
    for (client, orders) in [(world.shopper(), world.orders()), (staff, admin)] {
        let client = client.with("idempotency-key", &format!("one-key-for{}", orders.replace('/', "-")));
        // Both ways at once, many times: one of them wins, and its repeats get its bytes.
        let posts = (0..40).map(|number| {
            let path = if number % 2 == 0 { orders.clone() } else { format!("{orders}/queue") };
            let client = client.clone();
            async move {
                loop {
                    let reply = client.post_reply(&path, &one("MUG")).await;
                    if reply.status != 409 {
                        break (path, reply);
                    }
                }
            }
        });
        let (won, lost): (Vec<_>, Vec<_>) =
            join_all(posts).await.into_iter().partition(|(_, reply)| reply.status == 202);
        let (path, receipt) = won[0].clone();
        assert_eq!((won.len(), lost.len()), (20, 20), "{}", receipt.text());
        assert!(won.iter().all(|(at, reply)| *at == path && reply.bytes == receipt.bytes), "two replies of one key");
        let location = receipt.header("location").unwrap();
        assert_eq!(location, format!("{path}/{}", Placed::of(&receipt).order));
        for (_, reply) in lost {
            assert_eq!(reply.json()["type"], "/problems/idempotency-key-reused", "{}", reply.text());
        }
    }
    let waiting = "select coalesce(string_agg(id::text, ' '), '') from order_intake";
    let waiting: Vec<OrderId> =
        world.value(waiting).await.split_whitespace().map(|id| OrderId::from_uuid(id.parse().unwrap())).collect();
    turn_of(&world, &waiting).await;
    assert_eq!(world.value("select count(*) from orders").await, "2", "one of the shopper's and one of the staff's");

    // Another body under a key that queued an order.
    let shopper = world.shopper().with("idempotency-key", "another-one-altogether");
    assert_eq!(shopper.post(&queue(&world), &one("MUG")).await.0, 202);
    let (status, problem) = shopper.post(&queue(&world), &one("TEA")).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_of_two_organisations_the_one_that_is_refused_holds_up_no_other() {
    let world = World::quiet().await;
    let (own, other) = (world.scene.organisation(), world.scene.other_organisation());
    world.sell(&[("MUG", 990)]).await;
    let elsewhere = vec![Product { organisation: other, ..product("POT", 1, 500) }];
    let apply = ApplyProducts { products: elsewhere, rebuild: false };
    world.mediator().send(&Scope::batch(order::NAME, [other]), apply).await.unwrap();
    let other_queue = format!("/store/v1/{}/orders/queue", world.scene.other_slug());
    let mut orders = Vec::new();
    for (organisation, path, sku) in [
        (own, queue(&world), "MUG"),
        (other, other_queue.clone(), "POT"),
        // Sold by the other organisation only.
        (own, queue(&world), "POT"),
        (other, other_queue, "POT"),
    ] {
        let reply = anew(&world.shopper()).post_reply(&path, &one(sku)).await;
        orders.push((organisation, Placed::of(&reply).order));
    }
    turn(&world, &orders).await;
    let placed = "select string_agg(o.number || ' ' || l.sku, ', ' order by o.number, l.sku) from orders o
                  join order_lines l on l.order_id = o.id and l.org_id = o.org_id";
    assert_eq!(world.value(placed).await, "1001 MUG, 1001 POT, 1002 POT");
    assert_eq!(told(&world, orders[2].1).await["problem"]["type"], "/problems/unsellable-lines");
    let wrong = "select count(*) from orders o full join order_intake i on i.org_id = o.org_id and i.id = o.id
                 where (o.id is null) <> (i.status = 'refused')";
    assert_eq!(world.value(wrong).await, "0");
    let told_of = "select count(distinct headers::jsonb ->> 'ce_organisation') from outbox where type like '%placed%'";
    assert_eq!(world.value(told_of).await, "2");
    world.stop().await;
}

/// Closes or opens the shop of the test's organisation, as auth's topic would say it.
fn set_open(world: &World, active: bool) {
    let organisations = world.scene.organisations();
    let known = organisations.by_slug(world.scene.slug().as_str()).unwrap();
    organisations.apply(Organisation { active, ..known });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_organisation_that_is_suspended_is_refused_and_holds_up_no_other() {
    let world = World::quiet().await;
    let (own, other) = (world.scene.organisation(), world.scene.other_organisation());
    world.sell(&[("MUG", 990)]).await;
    let elsewhere = vec![Product { organisation: other, ..product("POT", 1, 500) }];
    let apply = ApplyProducts { products: elsewhere, rebuild: false };
    world.mediator().send(&Scope::batch(order::NAME, [other]), apply).await.unwrap();
    let other_queue = format!("/store/v1/{}/orders/queue", world.scene.other_slug());
    let mine = queued(&world, &world.shopper(), &one("MUG")).await;
    let reply = anew(&world.shopper()).post_reply(&other_queue, &one("POT")).await;
    let theirs = Placed::of(&reply).order;

    set_open(&world, false);
    assert_eq!(anew(&world.shopper()).post(&world.orders(), &one("MUG")).await.0, 404, "the direct way is closed");
    turn(&world, &[(own, mine.order), (other, theirs)]).await;
    let refused = told(&world, mine.order).await;
    assert_eq!(
        (&refused["status"], &refused["problem"]["type"]),
        (&json!("refused"), &json!("/problems/organisation-suspended")),
        "{refused}"
    );
    let placed = "select string_agg(sku, ' ') from order_lines";
    assert_eq!(world.value(placed).await, "POT");

    // It was decided once. What is queued when the shop is open again is placed.
    set_open(&world, true);
    let again = queued(&world, &world.shopper(), &one("MUG")).await;
    turn_of(&world, &[mine.order, again.order]).await;
    assert_eq!(told(&world, mine.order).await, refused);
    assert_eq!(told(&world, again.order).await["status"], "placed");
    let holder = world.shopper().with("order-token", &mine.token);
    let (_, own) = holder.get(&format!("{}/{}", queue(&world), mine.order)).await;
    assert_eq!(own["problem"], refused["problem"], "whoever wanted it learns why");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_knows_which_organisations_are_suspended() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    set_open(&world, false);
    // The gateway lets no request of theirs through. One that it let through a moment before gets here all the same.
    let body = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    let reply = anew(&world.client(Caller::Owner)).post_reply(ADMIN, &body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let order: OrderId = reply.json()["id"].as_str().unwrap().parse().unwrap();
    let decided = eventually(PATIENCE, async || {
        let told = told(&world, order).await;
        if told["status"] == "queued" { Err(told) } else { Ok(told) }
    })
    .await;
    assert_eq!(decided["problem"]["type"], "/problems/organisation-suspended", "{decided}");
    assert_eq!(world.value("select count(*) from orders").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_whom_it_does_not_concern_nobody_learns_that_an_order_was_queued() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (cleo, dan) = (world.customer(CustomerId::new()), world.customer(CustomerId::new()));
    let mine = queued(&world, &cleo, &one("MUG")).await;
    let other = queued(&world, &world.shopper(), &one("MUG")).await;
    let at = format!("{}/{}", queue(&world), mine.order);
    let elsewhere = format!("/store/v1/{}/orders/queue/{}", world.scene.other_slug(), mine.order);
    let with_token = |client: Client, token: &str| client.with("order-token", token);
    for turned in [false, true] {
        assert_eq!(cleo.get(&at).await.0, 200);
        assert_eq!(with_token(world.shopper(), &mine.token).get(&at).await.0, 200);
        assert_eq!(world.shopper().get(&at).await.0, 401, "neither a token nor an account");
        assert_eq!(dan.get(&at).await.0, 404);
        assert_eq!(with_token(world.shopper(), &other.token).get(&at).await.0, 404);
        assert_eq!(with_token(cleo.clone(), "guessed").get(&at).await.0, 404, "a token that is sent decides");
        assert_eq!(with_token(world.shopper(), &mine.token).get(&elsewhere).await.0, 404);
        let foreign = world.client(Caller::OtherOrganisation);
        assert_eq!(foreign.get(&format!("{ADMIN}/{}", mine.order)).await.0, 404);
        let unknown = OrderId::new();
        assert_eq!(world.client(Caller::Owner).get(&format!("{ADMIN}/{unknown}")).await.0, 404);
        if !turned {
            // Another organisation's turn is not this one's.
            turn(&world, &[(world.scene.other_organisation(), mine.order)]).await;
            assert_eq!(told(&world, mine.order).await["status"], "queued");
            turn_of(&world, &[mine.order, other.order]).await;
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_is_also_forgotten_where_an_order_of_theirs_waits() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut named = one("MUG");
    named["contact"] = json!({"name": "Cleo", "email": "cleo@example.org", "phone": "0901234567"});
    named["reference"] = json!("Cleo's mug");
    let first = anew(&world.shopper()).post_reply(&world.orders(), &named).await;
    let buyer = world.read(Placed::of(&first).order).await["buyer"].as_str().unwrap().to_owned();
    let waiting = queued(&world, &world.shopper(), &named).await;
    let mut other = named.clone();
    other["contact"]["email"] = json!("dan@example.org");
    let of_dan = queued(&world, &world.shopper(), &other).await;
    let (status, erased) =
        world.client(Caller::Owner).post(&format!("/admin/v1/customers/{buyer}/erase"), &json!({})).await;
    assert_eq!(status, 200, "{erased}");
    let kept = "select count(*) from (select to_jsonb(b)::text from buyers b union all select to_jsonb(i)::text from order_intake i
                union all select to_jsonb(c)::text from order_contacts c union all select to_jsonb(o)::text from orders o) as kept (text)
                where text ~* 'cleo@example.org'";
    assert_eq!(world.value(kept).await, "0");

    turn_of(&world, &[waiting.order, of_dan.order]).await;
    assert_eq!(world.value(kept).await, "0", "an order that was placed since names them");
    let order = world.read(waiting.order).await;
    assert!(order["contact"].is_null() && order["reference"].is_null() && order["buyer"].is_null(), "{order}");
    assert_eq!(world.read(of_dan.order).await["contact"]["email"], "dan@example.org");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_while_their_orders_have_their_turn_is_in_each_of_them_or_in_none_of_it() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut named = one("MUG");
    named["contact"] = json!({"email": "cleo@example.org"});
    for round in 0..5 {
        let first = anew(&world.shopper()).post_reply(&world.orders(), &named).await;
        let buyer = world.read(Placed::of(&first).order).await["buyer"].as_str().unwrap().to_owned();
        let shopper = world.shopper();
        let waiting = join_all((0..20).map(|_| queued(&world, &shopper, &named))).await;
        let orders: Vec<OrderId> = waiting.iter().map(|placed| placed.order).collect();
        let (staff, erase, nothing) =
            (world.client(Caller::Owner), format!("/admin/v1/customers/{buyer}/erase"), json!({}));
        let forgetting = staff.post(&erase, &nothing);
        // In two batches, which lock their orders while the other one and the forgetting do.
        let (_, _, (status, erased)) =
            tokio::join!(turn_of(&world, &orders[..10]), turn_of(&world, &orders[10..]), forgetting);
        assert_eq!(status, 200, "{erased}");
        let wrong = "select count(*) from order_contacts c join buyers b on b.id = c.buyer_id
                     where (b.erased_at is null) <> (c.email is not null)";
        assert_eq!(world.value(wrong).await, "0", "an order of somebody who was forgotten names them");
        let kept = "select count(*) from order_intake where wanted is not null or buyer_key is not null";
        assert_eq!(world.value(kept).await, "0");
        assert_eq!(world.value("select count(*) from orders").await, ((round + 1) * 21).to_string());
        // Whoever ordered in between is somebody new, and is forgotten for the next round.
        let rest = "select coalesce(string_agg(id::text, ' '), '') from buyers where erased_at is null";
        for buyer in world.value(rest).await.split_whitespace() {
            let buyer = kernel::BuyerId::from_uuid(buyer.parse().unwrap());
            assert_eq!(staff.post(&format!("/admin/v1/customers/{buyer}/erase"), &nothing).await.0, 200);
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_event_is_gone_is_asked_for_again_every_ten_minutes_by_whoever_sweeps_first() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(queued(&world, &world.shopper(), &one("MUG")).await.order);
    }
    let [lost, recent, unsent, parked, placed] = orders[..] else { panic!("{orders:?}") };
    turn_of(&world, &[placed]).await;
    // Without a relay every event stays in the outbox, until it is lost there.
    world.execute(&format!("delete from outbox where aggregateid <> '{}'", unsent.uuid())).await;
    world
        .execute(&format!(
            "insert into parked_keys (consumer, topic, key, cause, last_offset)
             values ('order', '{}', '{}', 'it could not be read', 1)",
            topics::INTAKE.name,
            parked.uuid()
        ))
        .await;
    let older = "update order_intake set queued_at = now() - interval '11 minutes'";
    world.execute(&format!("{older} where id <> '{}'", recent.uuid())).await;
    let told =
        "select string_agg(aggregateid || ' ' || type, ', ' order by sequence) from outbox where aggregateid <> ";
    let told = format!("{told}'{}'", unsent.uuid());
    let (here, there) = (world.scene.mediator(), world.scene.mediator());
    let (here, there) = tokio::join!(intake_sweep::sweep(&here), intake_sweep::sweep(&there));
    assert!(!here.unwrap() && !there.unwrap(), "nothing is left to remove");
    let once = format!("{} order.intake.queued.v1", lost.uuid());
    assert_eq!(world.value(&told).await, once);
    assert_eq!(world.value("select count(*) from order_intake where asked_at is not null").await, "1");

    // That event is lost, too.
    world.execute(&format!("delete from outbox where aggregateid = '{}'", lost.uuid())).await;
    intake_sweep::sweep(world.mediator()).await.unwrap();
    assert_eq!(world.value(&told).await, "", "it was asked for a moment ago");
    world.execute("update order_intake set asked_at = asked_at - interval '10 minutes'").await;
    world.execute("delete from parked_keys").await;
    intake_sweep::sweep(world.mediator()).await.unwrap();
    let both = "select count(distinct aggregateid) || ' ' || count(*) from outbox where type like 'order.intake%'";
    assert_eq!(
        world.value(both).await,
        "3 3",
        "the lost one, the one whose dead letter was discarded, and the unsent one"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_event_was_never_published_is_placed_once_it_was_asked_for() {
    let elsewhere = World::quiet().await;
    queued(&elsewhere, &elsewhere.shopper(), &one("MUG")).await;
    let wanted = elsewhere.value("select wanted from order_intake").await;
    elsewhere.stop().await;
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let order = OrderId::new();
    world
        .execute(&format!(
            "insert into order_intake (org_id, id, actor, token_digest, wanted, queued_at)
             values ('{}', '{}', 'shopper', decode(repeat('00', 32), 'hex'), '{wanted}', now() - interval '1 hour')",
            world.scene.organisation().uuid(),
            order.uuid()
        ))
        .await;
    intake_sweep::sweep(world.mediator()).await.unwrap();
    eventually(PATIENCE, async || {
        let told = told(&world, order).await;
        if told["status"] == "placed" { Ok(()) } else { Err(told) }
    })
    .await;
    assert_eq!(world.value("select actor from order_history").await, "shopper", "whoever asked placed it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_an_order_can_be_asked_for_a_week_and_what_waits_stays() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(queued(&world, &world.shopper(), &one("MUG")).await.order);
    }
    turn_of(&world, &orders[..2]).await;
    world.execute("update order_intake set queued_at = now() - interval '9 days'").await;
    let old =
        format!("update order_intake set decided_at = now() - interval '8 days' where id = '{}'", orders[0].uuid());
    world.execute(&old).await;
    let queue = world.mediator().ask(&Scope::platform_system(order::NAME), MeasureIntake).await.unwrap();
    assert_eq!((queue.waiting, (queue.oldest_seconds / 86_400.0).round()), (1, 9.0));
    assert!(!intake_sweep::sweep(world.mediator()).await.unwrap());
    let staff = world.client(Caller::Owner);
    let mut found = Vec::new();
    for order in &orders {
        found.push(staff.get(&format!("{ADMIN}/{order}")).await.0);
    }
    assert_eq!(found, [404, 200, 200]);
    assert_eq!(staff.get(&format!("/admin/v1/orders/{}", orders[0])).await.0, 200, "the order itself stays");
    // A turn that comes after all that time finds nothing to do.
    turn_of(&world, &orders).await;
    assert_eq!(world.value("select count(*) from orders").await, "3");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_a_failure_that_says_nothing_of_what_stands_in_it() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let (broken, fine) =
        (queued(&world, &world.shopper(), &one("MUG")).await, queued(&world, &world.shopper(), &one("MUG")).await);
    let spoil = format!(
        r#"update order_intake set wanted = '{{"draft": "cleo@example.org"}}' where id = '{}'"#,
        broken.order.uuid()
    );
    world.execute(&spoil).await;
    let organisation = world.scene.organisation();
    let turn = |order| Turn { organisation, order, provenance: Provenance::new("system:order") };
    let turns = vec![turn(broken.order), turn(fine.order)];
    let place = PlaceQueued { turns, organisations: world.scene.organisations() };
    let failed = world.mediator().send(&Scope::batch(order::NAME, [organisation]), place).await.unwrap_err();
    assert_eq!(failed.class(), Class::Permanent, "it is set aside, as a dead letter");
    assert!(!format!("{failed:?} {failed}").contains("cleo"), "{failed:?}");
    assert_eq!(told(&world, fine.order).await["status"], "queued", "half a batch was placed");
    turn_of(&world, &[fine.order]).await;
    assert_eq!(told(&world, fine.order).await["status"], "placed");
    world.stop().await;
}
