//! Everything that was ever said, delivered again and out of order: the tables do not change.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalog::{ConfirmRefused, Expired, ReservationEvent};
use contracts::catalogue;
use devstack::services::schemas;
use e2e::{PASSWORD, PATIENCE, Placed, READERS, Shop, Store, alone, chat, invariants, order_of, redeliver};
use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{Scene, TableHash, eventually, table_hashes};

use crate::WISHES;
use crate::saga::answer;

async fn everything(store: &Store, except: &[&str]) -> BTreeMap<String, TableHash> {
    let client = store.superuser().await;
    // Whoever listens to the bot renews the lease, whatever is delivered.
    let except = [except, &["readings.leased_until"]].concat();
    let mut all = BTreeMap::new();
    for schema in schemas() {
        for (table, hash) in table_hashes(&client, schema, &except).await {
            all.insert(format!("{schema}.{table}"), hash);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_delivered_twice_more_and_shuffled_leaves_every_table_as_it_was() {
    const SEED: u64 = 20_261_123;
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "again").await;
    // Something of everything: versions that rise, a product that goes, orders that end in every way.
    let top = shop.category("top", None).await;
    let below = shop.category("below", Some(&top)).await;
    let moving = shop.owner.clone();
    let (status, moved) = moving.post(&format!("/admin/v1/categories/{below}/move"), &json!({"position": 0})).await;
    assert_eq!(status, 200, "{moved}");
    shop.sell(&store, &[("AGAIN", 100, 8), ("GONE", 100, 5), ("MORE", 100, 10), ("CHAT", 100, 5)]).await;
    let product = shop.product("again").await;
    let path = format!("/admin/v1/products/{}", product["id"].as_str().unwrap());
    for version in 1..=4 {
        let changing = shop.owner.clone().with("if-match", &format!("\"{version}\""));
        let (status, changed) = changing.patch(&path, &json!({"title": format!("Title {version}")})).await;
        assert_eq!(status, 200, "{changed}");
    }
    let gone = shop.product("gone").await;
    let retiring = format!("/admin/v1/products/{}/retire", gone["id"].as_str().unwrap());
    assert_eq!(shop.owner.post(&retiring, &json!(null)).await.0, 200);
    let mut placed = Vec::new();
    for _ in 0..4 {
        placed.push(shop.place(&[("AGAIN", 2)]).await);
    }
    placed.push(shop.queue(&order_of(&[("AGAIN", 2)])).await);
    store.settled().await;
    let mut confirmed = Vec::new();
    for Placed { order, .. } in placed {
        if shop.read(order).await["status"] == "confirmed" {
            confirmed.push(order);
        }
    }
    let [one, other, third, fourth] = confirmed[..] else { panic!("8 pieces are 4 orders: {confirmed:?}") };
    assert_eq!(shop.owner.post(&format!("/admin/v1/orders/{one}/cancel"), &json!(null)).await.0, 200);
    // What catalog says of a reservation that nobody confirmed in time; here it says so of two that stand.
    answer(&store, &shop, &ReservationEvent::Expired(Expired { order: other })).await;
    answer(&store, &shop, &ReservationEvent::ConfirmRefused(ConfirmRefused { order: third })).await;
    live_on(&shop, fourth).await;
    forget(&shop).await;
    sell_elsewhere(&shop).await;
    ask_in_chat(&store, &shop).await;
    store.settled().await;
    for order in [other, third] {
        assert_eq!(shop.read(order).await["cancel_cause"], "reservation-expired");
    }
    // What an account's owner is told of: ten guesses, and a reset that somebody asked for.
    let stranger = shop.shopper.clone().from_address(Scene::own_address());
    let mut guess = shop.credentials();
    guess["password"] = json!("not the owner's passphrase");
    for _ in 0..10 {
        assert_eq!(stranger.post("/auth/v1/login", &guess).await.0, 401);
    }
    let (status, noted) = stranger.post("/auth/v1/password-resets", &json!({"email": guess["email"]})).await;
    assert_eq!(status, 200, "{noted}");
    // And a customer of theirs in the shop, whose password changes, too.
    let customers = format!("/store/v1/{}/customers", shop.slug);
    let cleo = json!({"email": "cleo@x.example", "name": "Cleo", "password": PASSWORD});
    let (_, tokens) = stranger.post(&customers, &cleo).await;
    let own = stranger.clone().with("authorization", &format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
    // An order of a guest who turns out to be that customer.
    let guest = shop.place(&[("MORE", 1)]).await;
    let claiming = own.clone().with("order-token", &guest.token);
    let (status, claimed) = claiming.post(&format!("{}/{}/claim", shop.orders(), guest.order), &json!({})).await;
    assert_eq!(status, 200, "{claimed}");
    let change = json!({"current_password": PASSWORD, "password": "another long passphrase 9"});
    let (status, changed) = own.post(&format!("{customers}/me/password"), &change).await;
    assert_eq!(status, 200, "{changed}");
    for _ in 0..10 {
        let guess = json!({"email": cleo["email"], "password": "not the customer's passphrase"});
        assert_eq!(stranger.post(&format!("{customers}/login"), &guess).await.0, 401);
    }
    let asked = json!({"email": cleo["email"]});
    assert_eq!(stranger.post(&format!("{customers}/password-resets"), &asked).await.0, 200);
    // The answers say nothing about the accounts, so they do not wait for the tokens.
    let client = store.superuser().await;
    let made = "select from auth.password_resets
                  join (select user_id, email from auth.people union select customer_id, email from auth.customers) it
                    on it.user_id = account_id where email in ($1, 'cleo@x.example')";
    eventually(PATIENCE, async || {
        let email = guess["email"].as_str().unwrap();
        if client.query(made, &[&email]).await.unwrap().len() < 2 { Err("no tokens yet") } else { Ok(()) }
    })
    .await;
    store.settled().await;
    invariants::assert_sound(&store, &[]).await;

    let before = everything(&store, &[]).await;
    let sent = redeliver(&store, 2, SEED).await;
    println!("delivered again with seed {SEED}: {sent:?}");
    let listed: BTreeSet<_> = catalogue::entries().into_iter().map(|entry| entry.event_type.to_owned()).collect();
    assert_eq!(sent.into_keys().collect::<BTreeSet<_>>(), listed, "what was said, and what can be");
    store.settled().await;
    // Whoever reads was waited for: the broker knows of nobody else.
    let readers: BTreeSet<(String, String)> = READERS.map(|(topic, group)| (topic.to_owned(), group.to_owned())).into();
    assert_eq!(store.readers().await, readers);
    assert_same(&before, &everything(&store, &[]).await);

    // And once more to services that have forgotten what they had processed: the states guard themselves.
    let forgotten = ["inbox.*"];
    let before = everything(&store, &forgotten).await;
    for schema in schemas() {
        client.batch_execute(&format!("delete from \"{schema}\".inbox")).await.unwrap();
    }
    redeliver(&store, 1, SEED + 1).await;
    store.settled().await;
    assert_same(&before, &everything(&store, &forgotten).await);

    // The tables in memory are as they were too: both gateways know the shop and its owner.
    for gateway in store.gateways() {
        shop.log_in(&gateway).await;
    }
    let placed = shop.place(&[("AGAIN", 1)]).await;
    store.settled().await;
    assert_ne!(shop.read(placed.order).await["status"], "pending");
    invariants::assert_sound(&store, &[]).await;
}

/// Everything that can happen to a confirmed order of two pieces.
async fn live_on(shop: &Shop, order: OrderId) {
    let step = async |step: &str, body: Value| {
        let (status, reply) = shop.owner.post(&format!("/admin/v1/orders/{order}/{step}"), &body).await;
        assert!(status == 200 || status == 201, "{step}: {status} {reply}");
        reply
    };
    let piece = json!({"lines": [{"sku": "AGAIN", "quantity": 1}]});
    let amount = json!({"amount": "1.00", "currency": "USD"});
    let paid = json!({"kind": "received", "method": "cash", "amount": amount});
    let payment = step("payments", paid).await["payment"].clone();
    for name in ["hold", "release", "cancel-request", "cancel-decline", "pack"] {
        step(name, json!({})).await;
    }
    step("cancel-lines", piece.clone()).await;
    let parcel = step("ship", json!({})).await["parcel"].clone();
    step(&format!("parcels/{}/deliver", parcel.as_str().unwrap()), json!({})).await;
    step("complete", json!({})).await;
    let declined = step("returns", piece.clone()).await["return_id"].clone();
    step(&format!("returns/{}/decline", declined.as_str().unwrap()), json!({})).await;
    let received = step("returns", piece.clone()).await["return_id"].clone();
    step(&format!("returns/{}/approve", received.as_str().unwrap()), json!({})).await;
    step(&format!("returns/{}/receive", received.as_str().unwrap()), json!({"restocked": piece["lines"]})).await;
    step("refunds", json!({"payment": payment, "method": "cash", "amount": amount})).await;
    step("notes", json!({"text": "All of it."})).await;
}

/// An order that staff edits, of somebody who is forgotten afterwards.
async fn forget(shop: &Shop) {
    let mut wanted = order_of(&[("MORE", 2)]);
    wanted["contact"] = json!({"email": "gone@x.example"});
    let placed = Placed::of(&shop.shopper.post_reply(&shop.orders(), &wanted).await);
    shop.reaches(placed.order, "confirmed").await;
    let at = format!("/admin/v1/orders/{}", placed.order);
    let edit = json!({"lines": [{"sku": "MORE", "quantity": 1}]});
    let editing = shop.owner.clone().with("if-match", "*").with("idempotency-key", "the-edit-of-an-order");
    let (status, edited) = editing.patch(&format!("{at}/lines"), &edit).await;
    assert!(status == 200 || status == 201, "{status} {edited}");
    // Then adds to it, once what there is and once what there is not.
    for (pieces, key) in [(2, "an-addition-that-is-given"), (900, "an-addition-that-is-refused")] {
        let adding = shop.owner.clone().with("if-match", "*").with("idempotency-key", key);
        let more = json!({"lines": [{"sku": "MORE", "quantity": pieces}]});
        let (status, asked) = adding.patch(&format!("{at}/lines"), &more).await;
        assert_eq!(status, 202, "{asked}");
        eventually(PATIENCE, async || {
            let order = shop.read(placed.order).await;
            if order["addition"].is_null() { Ok(()) } else { Err(order) }
        })
        .await;
    }
    assert_eq!(shop.read(placed.order).await["lines"][0]["pieces"]["reserved"], 2);
    let buyer = shop.read(placed.order).await["buyer"].as_str().unwrap().to_owned();
    let (status, erased) = shop.owner.post(&format!("/admin/v1/customers/{buyer}/erase"), &json!({})).await;
    assert_eq!(status, 200, "{erased}");
}

/// An order that was sold elsewhere, of more than there is.
async fn sell_elsewhere(shop: &Shop) {
    let sold = json!({
        "channel": "bazaar", "external_reference": "again", "placed_at": "2026-01-05T08:00:00Z", "raw_status": "PAID",
        "raw_status_at": "2026-01-05T08:00:00Z", "stock": "force",
        "lines": [{"sku": "MORE", "quantity": 50, "unit_price": {"amount": "1.00", "currency": "USD"}}],
    });
    let (status, taken) = shop.owner.post("/admin/v1/orders/import", &sold).await;
    assert!(status == 200 || status == 201, "{status} {taken}");
    let order = taken["order"].as_str().unwrap().parse().unwrap();
    eventually(PATIENCE, async || {
        let order = shop.read(order).await;
        if order["oversold"] == true { Ok(()) } else { Err(order) }
    })
    .await;
}

/// A step that somebody asks for in the chat, which is taken, and one that cannot be any more.
async fn ask_in_chat(store: &Store, shop: &Shop) {
    const OWNER: i64 = 8_001;
    // A message that tells of other orders as well has no buttons.
    store.settled().await;
    chat::link_account(store, &shop.owner, OWNER).await;
    let placed = shop.place(&[("CHAT", 2)]).await;
    let number = shop.reaches(placed.order, "confirmed").await["number"].as_i64().unwrap();
    let message = chat::message_of(store, (shop, number), "Confirmed").await;
    chat::press(store, &message, "Cancel", OWNER).await;
    chat::says(store, &format!("Cancelled as asked: order {number}")).await;
    chat::press(store, &message, "packed", OWNER).await;
    chat::says(store, &format!("Not packed: order {number} is cancelled")).await;
}

fn assert_same(before: &BTreeMap<String, TableHash>, after: &BTreeMap<String, TableHash>) {
    let changed: Vec<_> = before.iter().filter(|(table, hash)| after.get(*table) != Some(hash)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "changed: {changed:?}, now {after:?}");
}
