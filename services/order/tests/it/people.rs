//! Whoever orders: what is said with an order, one record per person, finding, exporting and forgetting them.

use futures::future::join_all;
use kernel::{CustomerId, OrderId};
use order::queries::{Buyers, Orders};
use persistence::Tenant;
use query::{Entity, Request};
use serde_json::{Value, json};
use testkit::{Caller, Client, problem_fields};
use uuid::Uuid;

use crate::world::{Placed, World};

const CLEO: &str = "cleo@example.org";

fn wanted(contact: Value) -> Value {
    json!({"lines": [{"sku": "MUG", "quantity": 1}], "contact": contact})
}

fn address() -> Value {
    json!({"name": "Zoë Ngô", "lines": ["12 Phố Huế", "3rd floor"], "city": "Hà Nội", "postal_code": "100000",
           "country": "vn", "phone": "+84 24 3826 0000"})
}

async fn place(world: &World, client: &Client, body: &Value) -> Placed {
    let client = client.clone().with("idempotency-key", &Uuid::new_v4().to_string());
    let reply = client.post_reply(&world.orders(), body).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    Placed::of(&reply)
}

/// The people that a query finds.
async fn people(world: &World, query: &str) -> Vec<Value> {
    let (status, page) = world.client(Caller::Viewer).get(&format!("/admin/v1/customers{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

/// The orders that a query finds.
async fn found(world: &World, query: &str) -> Vec<String> {
    let (status, page) = world.client(Caller::Viewer).get(&format!("/admin/v1/orders?{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_with_an_order_is_for_its_holder_and_staff_and_on_no_topic() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut body = wanted(json!({"name": "Cleo Pham", "email": "Cleo@Example.org", "phone": "+84 (90) 123-4567"}));
    body["shipping_address"] = address();
    body["reference"] = json!("for the party");
    let placed = place(&world, &world.shopper(), &body).await;
    world.place("MUG").await;
    let replay = world.value("select string_agg(convert_from(body, 'UTF8'), '') from replays").await;
    assert!(!replay.contains("Cleo") && !replay.contains("Zoë"), "the recorded reply names nobody: {replay}");

    let holder = world.shopper().with("order-token", &placed.token);
    let (_, own) = holder.get(&format!("{}/{}", world.orders(), placed.order)).await;
    let seen = world.read(placed.order).await;
    for order in [&own, &seen] {
        let contact = json!({"name": "Cleo Pham", "email": CLEO, "phone": "+84 (90) 123-4567"});
        assert_eq!(order["contact"], contact, "{order}");
        assert_eq!(
            (&order["shipping_address"]["city"], &order["shipping_address"]["country"]),
            (&json!("Hà Nội"), &json!("VN"))
        );
        assert!(order["billing_address"].is_null());
    }
    assert!(own["buyer"].is_null() && seen["buyer"].is_string());

    let order = [placed.order.to_string()];
    for words in ["cleo", "pham%20cleo", "84901234567", "90123456", "cleo@example.org", "party", "zoe", "842438260000"]
    {
        assert_eq!(found(&world, &format!("q={words}")).await, order, "{words}");
    }
    assert_eq!(found(&world, "q=dan").await, Vec::<String>::new());
    assert_eq!(found(&world, "where=name:contains:Pham").await, order);
    assert_eq!(found(&world, &format!("where=buyer:eq:{}", seen["buyer"].as_str().unwrap())).await, order);
    let told = world.value("select string_agg(payload, ' ') from outbox").await;
    assert!(told.contains(seen["buyer"].as_str().unwrap()), "events carry the person's key: {told}");
    for private in ["Cleo", "cleo", "123-4567", "Huế"] {
        assert!(!told.contains(private), "{private} is on a topic: {told}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_every_field_of_the_contact_that_is_wrong() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut body = wanted(json!({"name": " ", "email": "nobody", "phone": "call me"}));
    body["shipping_address"] = json!({"name": "Z", "lines": [], "city": "", "country": "XX"});
    let (status, problem) = world.shopper().post(&world.orders(), &body).await;
    assert_eq!(status, 422, "{problem}");
    let fields = problem_fields(&problem);
    let wrong = ["contact.email", "contact.name", "contact.phone", "shipping_address.city", "shipping_address.country"];
    for field in wrong.into_iter().chain(["shipping_address.lines"]) {
        assert!(fields.contains(&field), "{field}: {problem}");
    }
    assert!(!problem.to_string().contains("call me"), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_known_by_the_account_or_the_address_or_the_number() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let guest = world.shopper();
    let cleo = wanted(json!({"name": "Cleo", "email": CLEO, "phone": "0901234567"}));
    let orders = [
        place(&world, &guest, &cleo).await,
        place(&world, &guest, &wanted(json!({"email": "CLEO@example.org"}))).await,
    ];
    // The same number with another address, and alone.
    place(&world, &guest, &wanted(json!({"email": "dan@example.org", "phone": "090 123 4567"}))).await;
    place(&world, &guest, &wanted(json!({"name": "Eve", "phone": "(090) 1234567"}))).await;
    // Nobody has proven that the address is that of the account.
    let account = CustomerId::new();
    place(&world, &world.customer(account), &cleo).await;
    world.place("MUG").await;

    let all = people(&world, "?sort=last_order_at").await;
    assert_eq!(all.len(), 4, "an order that names nobody is nobody's: {all:?}");
    let summary: Vec<(Value, Value)> = all.iter().map(|it| (it["email"].clone(), it["orders"].clone())).collect();
    assert!(summary.contains(&(json!(CLEO), json!(2))) && summary.contains(&(json!(CLEO), json!(1))), "{summary:?}");
    let by_account = people(&world, &format!("?where=customer:eq:{account}")).await;
    assert_eq!((by_account.len(), &by_account[0]["name"]), (1, &json!("Cleo")));
    assert_eq!(people(&world, "?q=090123").await.len(), 4);
    assert_eq!(people(&world, "?q=eve").await.len(), 1);

    let buyer = world.read(orders[1].order).await["buyer"].as_str().unwrap().to_owned();
    assert_eq!(world.read(orders[0].order).await["buyer"], buyer);
    let staff = world.client(Caller::Owner);
    let cash = json!({"kind": "received", "method": "cash", "amount": {"amount": "9.90", "currency": "USD"}});
    assert_eq!(staff.post(&format!("/admin/v1/orders/{}/payments", orders[0].order), &cash).await.0, 201);
    let (_, person) = staff.get(&format!("/admin/v1/customers/{buyer}")).await;
    assert_eq!(
        (&person["name"], &person["phone"]),
        (&json!("Cleo"), &json!("0901234567")),
        "what was said before stays"
    );
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    assert_eq!(person["turnover"], json!([{"orders": 2, "ordered": usd("19.80"), "spent": usd("9.90")}]));
    let (status, _) = staff.get("/admin/v1/customers/buyer_00000000000000000000000000").await;
    assert_eq!(status, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_same_people_at_once_are_each_counted_once() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let shopper = world.shopper();
    let orders =
        (0..60).map(|number| {
            let (world, shopper) = (&world, &shopper);
            async move {
                place(world, shopper, &wanted(json!({"email": format!("one-of-{}@example.org", number % 3)}))).await
            }
        });
    join_all(orders).await;
    let counted =
        "select string_agg(b.orders || ' ' || (select count(*) from order_contacts c where c.buyer_id = b.id), '; ')
                   from buyers b";
    assert_eq!(world.value(counted).await, "20 20; 20 20; 20 20");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_more_orders_than_are_read_at_once_is_exported_with_each_of_them_once() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let first = place(&world, &world.shopper(), &wanted(json!({"email": CLEO}))).await.order;
    let buyer = world.read(first).await["buyer"].as_str().unwrap().to_owned();
    // 1,000 in all, which is two whole batches and an empty one, copied past the program: many of them quickly.
    world
        .execute(
            "create temporary table copied as
             select ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id from generate_series(1, 999) n;
             insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at, updated_at)
             select o.org_id, c.id, o.status, o.total_minor, o.currency, o.token_digest, 1, o.placed_at, o.deadline_at, o.updated_at
             from orders o, copied c;
             insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                      variant_title, quantity, unit_price_minor)
             select l.org_id, c.id, l.position, l.sku, l.product_id, l.variant_id, l.product_version, l.title, l.variant_title,
                    l.quantity, l.unit_price_minor
             from order_lines l, copied c;
             insert into order_history (org_id, order_id, version, to_status, cause, actor, occurred_at)
             select h.org_id, c.id, 1, h.to_status, h.cause, h.actor, h.occurred_at from order_history h, copied c;
             insert into order_contacts (org_id, order_id, buyer_id, email, search_text)
             select k.org_id, c.id, k.buyer_id, k.email, k.search_text from order_contacts k, copied c;
             drop table copied;",
        )
        .await;
    let (status, export) = world.client(Caller::Owner).get(&format!("/admin/v1/customers/{buyer}/export")).await;
    assert_eq!(status, 200);
    let orders = export["orders"].as_array().unwrap();
    let mut ids: Vec<&str> = orders.iter().map(|record| record["order"]["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!((orders.len(), ids.len()), (1_000, 1_000));
    assert!(ids.is_sorted() && ids[999] == first.to_string());
    assert!(orders.iter().all(|record| record["timeline"].as_array().unwrap().len() == 1), "each has its history");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_exported_and_forgotten_and_the_orders_keep_their_figures() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut body = wanted(json!({"name": "Cleo", "email": CLEO, "phone": "0901234567"}));
    body["billing_address"] = address();
    body["reference"] = json!("Cleo's mugs");
    let mine = [place(&world, &world.shopper(), &body).await, place(&world, &world.shopper(), &body).await];
    let other = place(&world, &world.shopper(), &wanted(json!({"email": "dan@example.org"}))).await;
    let staff = world.client(Caller::Owner);
    let note = json!({"text": "Wants them wrapped."});
    assert_eq!(staff.post(&format!("/admin/v1/orders/{}/notes", mine[0].order), &note).await.0, 201);
    // What they asked for in their own words, as a guest and as a customer, and what staff says of it.
    for (order, actor, words) in [
        (mine[0].order, "shopper", "I am Cleo, I ordered twice."),
        (mine[1].order, "cust_01j9x", "Send it to Huế, Cleo"),
        (other.order, "user_01j9x", "He called."),
    ] {
        let id = order.uuid();
        let said = format!(
            "update order_history set reason = '{words}', actor = '{actor}' where order_id = '{id}' and version = 1"
        );
        world.execute(&said).await;
    }
    let before = world.read(mine[0].order).await;
    let at = format!("/admin/v1/customers/{}", before["buyer"].as_str().unwrap());

    for step in ["export", "erase"] {
        let manager = world.client(Caller::OrderManager);
        let status = if step == "erase" {
            manager.post(&format!("{at}/erase"), &json!({})).await.0
        } else {
            manager.get(&format!("{at}/export")).await.0
        };
        assert_eq!(status, 403, "{step}");
    }
    let (status, export) = staff.get(&format!("{at}/export")).await;
    assert_eq!((status, export["orders"].as_array().map(Vec::len)), (200, Some(2)), "{export}");
    assert_eq!(export["orders"][0]["timeline"][1]["note"], "Wants them wrapped.", "{export}");
    assert_eq!(export["orders"][1]["order"]["billing_address"]["lines"][0], "12 Phố Huế");

    let (status, erased) = staff.post(&format!("{at}/erase"), &json!({})).await;
    assert_eq!(status, 200, "{erased}");
    assert!(erased["erased_at"].is_string() && erased["name"].is_null() && erased["email"].is_null(), "{erased}");
    assert_eq!((&erased["orders"], &erased["turnover"][0]["orders"]), (&json!(2), &json!(2)));
    let again = staff.post(&format!("{at}/erase"), &json!({})).await;
    assert_eq!(again, (200, erased.clone()), "a second time changes nothing");

    let after = world.read(mine[0].order).await;
    assert_eq!(
        (&after["total"], &after["lines"], &after["buyer"]),
        (&before["total"], &before["lines"], &before["buyer"])
    );
    assert!(
        after["contact"].is_null() && after["billing_address"].is_null() && after["reference"].is_null(),
        "{after}"
    );
    let (_, timeline) = staff.get(&format!("/admin/v1/orders/{}/timeline", mine[0].order)).await;
    let entry = &timeline["items"][0];
    assert_eq!((&entry["event"], &entry["version"]), (&json!("contact-erased"), &json!(3)), "{timeline}");
    assert!(entry["actor"].as_str().unwrap().starts_with("user_"));
    assert_eq!(found(&world, "q=cleo").await, Vec::<String>::new());
    assert_eq!(people(&world, "?q=cleo").await, Vec::<Value>::new());
    let kept = "select count(*) from (select to_jsonb(b)::text from buyers b union all select to_jsonb(c)::text from order_contacts c
                union all select to_jsonb(o)::text from orders o union all select to_jsonb(h)::text from order_history h) as kept (text) where text ~* 'cleo|Ngô|Huế|0901234567'";
    assert_eq!(world.value(kept).await, "0");
    assert_eq!(world.value("select string_agg(reason, '; ') from order_history").await, "He called.");
    assert_eq!(world.read(other.order).await["contact"]["email"], "dan@example.org");
    let erasures = "select count(*) || ' ' || min(payload::jsonb -> 'standing' ->> 'buyer') from outbox where type like '%contact-erased%'";
    assert_eq!(world.value(erasures).await, format!("2 {}", before["buyer"].as_str().unwrap()));

    // A request that was cut off left an order as it was; the next one goes on there.
    world
        .execute(
            "update order_contacts set erased_at = null, email = 'cleo@left.example' where order_id =
                   (select min(order_id::text)::uuid from order_contacts where erased_at is not null)",
        )
        .await;
    assert_eq!(staff.post(&format!("{at}/erase"), &json!({})).await.0, 200);
    assert_eq!(world.value(kept).await, "0");

    // Whoever comes back is somebody new.
    let back = place(&world, &world.shopper(), &body).await;
    assert_ne!(world.read(back.order).await["buyer"], before["buyer"]);
    assert_eq!(people(&world, "?q=cleo").await[0]["orders"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_said_with_an_order_goes_with_the_customer_who_claimed_it() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let cleo = world.customer(kernel::CustomerId::new());
    let own = place(&world, &cleo, &wanted(json!({"email": CLEO}))).await;
    // Nobody can be told by an address alone.
    let mut sent = json!({"lines": [{"sku": "MUG", "quantity": 1}]});
    sent["shipping_address"] = address();
    let claimed = place(&world, &world.shopper(), &sent).await;
    assert!(world.read(claimed.order).await["buyer"].is_null());
    let claim = format!("{}/{}/claim", world.orders(), claimed.order);
    assert_eq!(cleo.clone().with("order-token", &claimed.token).post(&claim, &json!({})).await.0, 200);

    let (staff, buyer) = (world.client(Caller::Owner), world.read(own.order).await["buyer"].clone());
    let at = format!("/admin/v1/customers/{}", buyer.as_str().unwrap());
    let (_, export) = staff.get(&format!("{at}/export")).await;
    let orders: Vec<_> = export["orders"].as_array().unwrap().iter().map(|it| it["order"]["id"].clone()).collect();
    assert_eq!(orders, [json!(own.order), json!(claimed.order)], "{export}");
    assert_eq!(staff.post(&format!("{at}/erase"), &json!({})).await.0, 200);
    let kept = "select count(*) from order_contacts where shipping_address is not null or search_text <> '  '";
    assert_eq!(world.value(kept).await, "0");
    assert_eq!(world.read(claimed.order).await["buyer"], buyer);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_of_whom_only_an_address_is_known_is_exported_and_forgotten_by_the_order() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let mut sent = json!({"lines": [{"sku": "MUG", "quantity": 1}], "reference": "Cleo's mug"});
    sent["shipping_address"] = address();
    let guest = place(&world, &world.shopper(), &sent).await;
    let other = place(&world, &world.shopper(), &sent).await;
    let asked = json!({"reason": "I live in Huế, Cleo"});
    world.execute("update orders set status = 'confirmed', settled_at = now()").await;
    for placed in [&guest, &other] {
        let holder = world.shopper().with("order-token", &placed.token);
        let path = format!("{}/{}/cancel-request", world.orders(), placed.order);
        let (status, problem) = holder.post(&path, &asked).await;
        assert!(status < 300, "{status} {problem}");
    }
    let staff = world.client(Caller::Owner);
    let at = format!("/admin/v1/orders/{}", guest.order);
    let before = world.read(guest.order).await;
    assert!(before["buyer"].is_null(), "{before}");

    let manager = world.client(Caller::OrderManager);
    assert_eq!(manager.get(&format!("{at}/export")).await.0, 403);
    assert_eq!(manager.post(&format!("{at}/erase"), &json!({})).await.0, 403);
    let (status, export) = staff.get(&format!("{at}/export")).await;
    assert_eq!((status, &export["order"]["shipping_address"]), (200, &before["shipping_address"]), "{export}");
    assert_eq!(export["timeline"][1]["reason"], asked["reason"], "oldest first: {export}");
    let missing = format!("/admin/v1/orders/{}", OrderId::new());
    assert_eq!(staff.get(&format!("{missing}/export")).await.0, 404);
    assert_eq!(staff.post(&format!("{missing}/erase"), &json!({})).await.0, 404);

    for _ in 0..2 {
        let (status, erased) = staff.post(&format!("{at}/erase"), &json!({})).await;
        assert_eq!((status, &erased["version"]), (200, &json!(3)), "a second time changes nothing: {erased}");
    }
    let after = world.read(guest.order).await;
    assert_eq!((&after["total"], &after["lines"]), (&before["total"], &before["lines"]));
    let (_, timeline) = staff.get(&format!("{at}/timeline")).await;
    assert_eq!(timeline["items"][0]["event"], "contact-erased", "{timeline}");
    let kept = |order: OrderId| {
        format!(
            "select count(*) from (select to_jsonb(c)::text from order_contacts c where order_id = '{id}' union all
                                   select to_jsonb(o)::text from orders o where id = '{id}' union all
                                   select to_jsonb(h)::text from order_history h where order_id = '{id}') as kept (text)
              where text ~* 'cleo|Huế'",
            id = order.uuid()
        )
    };
    assert_eq!(world.value(&kept(guest.order)).await, "0");
    assert_eq!(world.value(&kept(other.order)).await, "3", "what another order says stays");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_orders_while_they_are_forgotten_is_known_or_somebody_new_and_never_half() {
    let world = World::quiet().await;
    world.sell(&[("MUG", 990)]).await;
    let body = wanted(json!({"email": CLEO}));
    let first = place(&world, &world.shopper(), &body).await;
    let at = format!("/admin/v1/customers/{}/erase", world.read(first.order).await["buyer"].as_str().unwrap());
    let (staff, shopper) = (world.client(Caller::Owner), world.shopper());
    let placing = join_all((0..20).map(|_| place(&world, &shopper, &body)));
    let nothing = json!({});
    let (_, (status, erased)) = tokio::join!(placing, staff.post(&at, &nothing));
    assert_eq!(status, 200, "{erased}");
    let wrong = "select count(*) from order_contacts c join buyers b on b.id = c.buyer_id
                 where (b.erased_at is null) <> (c.email is not null)";
    assert_eq!(world.value(wrong).await, "0", "an order of somebody who was forgotten names them");
    let counted = "select count(*) from buyers b where b.orders <> (select count(*) from order_contacts c where c.buyer_id = b.id)";
    assert_eq!(world.value(counted).await, "0");
    world.stop().await;
}

async fn plan<E: Entity>(world: &World, request: Value) -> String {
    let request: Request<E> = serde_json::from_value(request).unwrap();
    let read = world.scene.database().begin_read(Tenant::new(world.scene.organisation())).await.unwrap();
    read.run(|mut read| Box::pin(async move { request.explain(&mut read, E::registry()).await })).await.unwrap()
}

/// Each is asked as the role that production uses, in an organisation with 100,000 orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_serves_whatever_finds_an_order_by_its_person() {
    let world = World::quiet().await;
    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "create temporary table filled as
             select n, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id,
                    (array['Anna', 'Bao', 'Cleo', 'Dan', 'Eve'])[1 + n % 5] || ' ' || substr(md5(n::text), 1, 8) as name
             from generate_series(1, 100000) n;
             insert into orders (org_id, id, status, total_minor, currency, token_digest, version, placed_at, deadline_at,
                                 settled_at, updated_at)
             select '{organisation}', id, 'confirmed', n, 'USD', sha256(n::text::bytea), 2, now(), now(), now(), now() from filled;
             insert into buyers (org_id, id, key, name, search_text, orders, first_order_at, last_order_at)
             select '{organisation}', id, 'email:' || n, name, search_text(name), 1, now(), now() - n * interval '1 second' from filled;
             insert into order_contacts (org_id, order_id, buyer_id, name, phone, search_text)
             select '{organisation}', id, id, name, '0' || 900000000 + n,
                    search_text(name || ' 0' || 900000000 + n || ' p' || n || '@example.org ref-' || n)
             from filled;
             drop table filled;"
        ))
        .await;
    for table in ["orders", "order_contacts", "buyers"] {
        world.execute(&format!("vacuum analyze {table}")).await;
    }
    let is = |field: &str, op: &str, value: &str| json!({"field": field, "op": op, "value": value});
    for request in [
        json!({"q": "cleo c4ca42"}),
        json!({"q": "900012345"}),
        json!({"q": "p4711@example.org"}),
        json!({"q": "ref 815", "filter": is("status", "eq", "confirmed")}),
        json!({"filter": is("name", "contains", "c4ca4238")}),
        json!({"filter": is("phone", "eq", "0900012345")}),
        json!({"filter": is("buyer", "eq", "buyer_00000000000r0080000000025m")}),
        json!({}),
        json!({"filter": is("status", "eq", "confirmed")}),
    ] {
        let text = plan::<Orders>(&world, request.clone()).await;
        assert!(text.contains("Index") && !text.contains("Seq Scan"), "{request}\n{text}");
    }
    for request in [
        json!({"q": "cleo c4ca42"}),
        json!({"filter": is("name", "contains", "c4ca4238")}),
        json!({}),
        json!({"sort": ["last_order_at"], "limit": 50}),
    ] {
        let text = plan::<Buyers>(&world, request.clone()).await;
        assert!(text.contains("Index") && !text.contains("Seq Scan"), "{request}\n{text}");
    }
    world.stop().await;
}
