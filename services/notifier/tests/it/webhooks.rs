//! Destinations that are webhooks: a real server that checks signatures, and everything that goes wrong with one.

use std::time::Instant;

use kernel::OrderId;
use notifier::config::Settings;
use notifier::domain::WebhookPolicy;
use serde_json::{Value, json};
use testkit::{Caller, Client, Topics, eventually};

use crate::receiver::{Received, Receiver, Reply};
use crate::stage::{PATIENCE, Stage, confirmed, placed};

/// Creates a destination for this receiver: its path and its secret.
pub(crate) async fn webhook(client: &Client, receiver: &Receiver, rules: Value) -> (String, String) {
    let wanted = json!({"name": "Ledger", "url": receiver.url(), "rules": rules});
    let (status, made) = client.post("/admin/v1/destinations", &wanted).await;
    assert_eq!(status, 201, "{made}");
    let destination = &made["destination"];
    assert_eq!((&destination["kind"], &destination["state"]), (&json!("webhook"), &json!("active")), "{made}");
    assert_eq!((&destination["url"], &made["code"]), (&json!(receiver.url()), &Value::Null), "{made}");
    let path = format!("/admin/v1/destinations/{}", destination["id"].as_str().unwrap());
    (path, made["secret"].as_str().unwrap().to_owned())
}

/// Waits for so many requests.
async fn requests(receiver: &Receiver, number: usize) -> Vec<Received> {
    eventually(PATIENCE, async || {
        let requests = receiver.requests();
        if requests.len() >= number { Ok(requests) } else { Err(format!("{requests:?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_sent_the_text_and_the_data_signed_with_a_secret_that_is_shown_once() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let keyed = client.clone().without_key().with("idempotency-key", "the-same");
    let wanted = json!({"name": "Ledger", "url": receiver.url()});
    let (first, again) =
        (keyed.post("/admin/v1/destinations", &wanted).await, keyed.post("/admin/v1/destinations", &wanted).await);
    assert_eq!(first, again);
    let secret = first.1["secret"].as_str().unwrap();
    let path = format!("/admin/v1/destinations/{}", first.1["destination"]["id"].as_str().unwrap());
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    stage.told(1).await;
    let request = requests(&receiver, 1).await.remove(0);
    assert!(request.is_signed_with(secret));
    assert!(!request.is_signed_with("whsec_AAAA"), "the check can fail");
    assert_eq!(
        (request.path.as_str(), request.header("content-type")),
        ("/hook?key=of-the-receiver", "application/json")
    );
    let sent_at: i64 = request.header("webhook-timestamp").parse().unwrap();
    assert!((kernel::Clock::now().timestamp() - sent_at).abs() < 60, "{sent_at}");
    let json = request.json();
    let fact = &json["data"]["facts"][0];
    assert_eq!((&fact["fact"]["kind"], &fact["fact"]["order"]), (&json!("order-placed"), &json!(order.to_string())));
    assert_eq!(fact["fact"]["total"], json!({"amount": "30.00", "currency": "USD"}));
    assert_eq!(fact["organisation"], stage.scene.organisation().to_string());
    assert!(json["data"]["text"].as_str().unwrap().contains("Placed: 30.00 USD"), "{json}");
    // Nobody is shown the secret again, and none of the roles that requests run under can read it.
    let readable = format!("%{secret}%");
    let kept = "select count(*) from replays where convert_from(body, 'utf8') like $1";
    let kept: i64 = stage.superuser.query_one(kept, &[&readable]).await.unwrap().get(0);
    assert_eq!(kept, 0, "the secret is kept in readable form");
    assert!(!client.get(&path).await.1.to_string().contains("whsec_"));
    let app = stage.scene.connect(devstack::DatabaseRole::App).await;
    assert!(app.query("select secret from recipients", &[]).await.is_err(), "the tenant's role reads the secret");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_does_not_take_is_sent_again_in_order_with_the_same_ids() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let (_, secret) = webhook(&client, &receiver, json!({})).await;
    // Redirects are an answer like any other that is no success.
    receiver.reply(&[Reply::Status(500), Reply::Close, Reply::Redirect, Reply::Status(404)]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let sent = requests(&receiver, 5).await;
    assert_eq!(sent.len(), 5);
    assert!(sent.iter().all(|request| request.is_signed_with(&secret) && request.path.starts_with("/hook")));
    assert!(sent.iter().all(|request| request.header("webhook-id") == sent[0].header("webhook-id")));
    assert!(sent.iter().all(|request| request.facts() == sent[0].facts()));
    // What comes while it waits comes behind it.
    receiver.reply(&[Reply::Status(500)]);
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    requests(&receiver, 6).await;
    stage.scene.publish(2, &confirmed(order)).await;
    stage.told(3).await;
    let kinds: Vec<String> = receiver.requests()[6..]
        .iter()
        .flat_map(|request| request.json()["data"]["facts"].as_array().unwrap().clone())
        .map(|fact| fact["fact"]["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["order-placed", "order-confirmed"]);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_or_asks_to_wait_keeps_no_other_one_waiting() {
    let (stage, slow, quick) = (Stage::new().await, Receiver::start().await, Receiver::start().await);
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    webhook(&client, &slow, json!({})).await;
    webhook(&client, &quick, json!({})).await;
    slow.reply(&[Reply::Slow(60_000), Reply::Later(2)]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    requests(&slow, 1).await;
    // It hangs for the eight seconds that an attempt may take.
    let other = testkit::publish(Some(stage.scene.other_organisation()), 1, &placed(OrderId::new()));
    stage.scene.send(&[other]).await;
    requests(&quick, 1).await;
    eventually(PATIENCE, async || stage.telegram.messages().len() == 1).await;
    assert_eq!(slow.requests().len(), 1, "the others waited for it");
    requests(&slow, 3).await;
    let came: Vec<Instant> = slow.requests().iter().map(|request| request.at).collect();
    assert!((came[2] - came[1]).as_millis() >= 1_900, "{:?}", came[2] - came[1]);
    stage.told(3).await;
    assert_eq!((slow.requests().len(), quick.requests().len()), (3, 1));
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_ends_its_destination_until_staff_resumes_it() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let (path, _) = webhook(&client, &receiver, json!({})).await;
    receiver.reply(&[Reply::Status(410)]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let ended = eventually(PATIENCE, async || {
        let (_, found) = client.get(&path).await;
        if found["state"] == "ended" { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(ended["reason"].as_str().unwrap().starts_with("410"), "{ended}");
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    // It is no destination any more: what happens is told in the chat of the configuration.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    assert_eq!((receiver.requests().len(), stage.telegram.messages().len()), (1, 1));
    let changing = client.clone().with("if-match", "*");
    let (status, resumed) = changing.patch(&path, &json!({"paused": false})).await;
    assert_eq!((status, &resumed["state"], &resumed["reason"]), (200, &json!("active"), &Value::Null), "{resumed}");
    assert_eq!(client.post(&format!("{path}/resend"), &json!({})).await, (200, json!({"deliveries": 1})));
    stage.told(2).await;
    assert_eq!(receiver.requests().len(), 2);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_sees_that_nothing_gets_to_a_webhook_and_when_it_does_again() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let replica = stage.replica().await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let (path, _) = webhook(&client, &receiver, json!({})).await;
    receiver.reply(&[Reply::Status(503); 30]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let found = eventually(PATIENCE, async || {
        let (_, found) = client.get(&path).await;
        if found["state"] == "unreachable" { Ok(found) } else { Err(found) }
    })
    .await;
    assert!(found["reason"].as_str().unwrap().starts_with("503"), "{found}");
    receiver.relent();
    eventually(PATIENCE, async || client.get(&path).await.1["state"] == "active").await;
    stage.told(1).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_a_number_in_the_text_and_whole_in_the_data() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let replica = stage.start_with(Settings { flood_from: Some(2), ..stage.settings() }, Topics::On).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    webhook(&client, &receiver, json!({})).await;
    let events: Vec<_> = (0..6).map(|_| stage.record(1, &placed(OrderId::new()))).collect();
    stage.scene.send(&events).await;
    eventually(PATIENCE, async || stage.count("sent").await + stage.count("pending").await == 6).await;
    // The minute is over.
    stage.superuser.batch_execute("update deliveries set not_before = now() where state = 'pending'").await.unwrap();
    stage.told(6).await;
    let sent = receiver.requests();
    let last = sent.last().unwrap().json();
    assert_eq!(last["data"]["digest"], true, "{last}");
    assert!(last["data"]["text"].as_str().unwrap().contains("orders placed"), "{last}");
    let mut facts: Vec<String> = sent.iter().flat_map(Received::facts).collect();
    facts.sort_unstable();
    facts.dedup();
    assert_eq!(facts.len(), 6, "every fact is in a request");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_on_the_public_internet_is_refused_and_not_called_where_it_was_allowed_before() {
    let (stage, receiver) = (Stage::new().await, Receiver::start().await);
    let inside = stage.replica().await;
    webhook(&stage.scene.client(inside.base(), Caller::Owner), &receiver, json!({})).await;
    inside.stop().await;
    let strict = Settings { webhooks: WebhookPolicy::default(), ..stage.settings() };
    let replica = stage.start_with(strict, Topics::On).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    for url in
        ["http://shop.example/", "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://2130706433/"]
    {
        let (status, refused) = client.post("/admin/v1/destinations", &json!({"name": "x", "url": url})).await;
        assert!(status == 400 || status == 422, "{url}: {status} {refused}");
    }
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let failures = "select count(*) from budgets where subject like 'dest_%' and failures >= 2";
    eventually(PATIENCE, async || stage.superuser.query_one(failures, &[]).await.unwrap().get::<_, i64>(0) == 1).await;
    assert!(receiver.requests().is_empty());
    replica.stop().await;
}
