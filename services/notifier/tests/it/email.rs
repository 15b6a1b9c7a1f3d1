//! Destinations that are e-mail addresses: a real conversation over SMTP, and everything that goes wrong in one.

use kernel::OrderId;
use notifier::config::{Settings, Smtp};
use serde_json::{Value, json};
use service::Secret;
use testkit::{Caller, Client, Running, Topics, eventually};

use crate::mail_server::{Answer, CREDENTIALS, Mail, MailServer};
use crate::stage::{PATIENCE, Stage, confirmed, placed, placed_as};

/// A replica that sends mail by this server, with these credentials.
async fn replica(stage: &Stage, server: &MailServer, credentials: &str) -> Running {
    let from = "Cyber Store <store@shop.example>".parse().unwrap();
    let smtp = Some(Smtp { url: Secret::new(server.url(credentials)), from });
    stage.start_with(Settings { smtp, ..stage.settings() }, Topics::On).await
}

/// Creates a destination for this address: its path.
async fn mailbox(client: &Client, more: Value) -> String {
    let mut wanted = json!({"name": "Owner", "email": "Owner@Shop.example"});
    wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = client.post("/admin/v1/destinations", &wanted).await;
    assert_eq!(status, 201, "{made}");
    let destination = &made["destination"];
    assert_eq!((&destination["kind"], &destination["state"]), (&json!("email"), &json!("active")), "{made}");
    assert_eq!(
        (&destination["email"], &made["code"], &made["secret"]),
        (&json!("owner@shop.example"), &Value::Null, &Value::Null)
    );
    format!("/admin/v1/destinations/{}", destination["id"].as_str().unwrap())
}

/// Waits for so many mails.
async fn mails(server: &MailServer, number: usize) -> Vec<Mail> {
    eventually(PATIENCE, async || {
        let mails = server.mails();
        if mails.len() >= number { Ok(mails) } else { Err(format!("{mails:?}")) }
    })
    .await
}

async fn state_of(client: &Client, path: &str, state: &str) -> Value {
    eventually(PATIENCE, async || {
        let (_, found) = client.get(path).await;
        if found["state"] == state { Ok(found) } else { Err(found) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_is_told_in_plain_text_and_in_html_and_nothing_from_outside_is_markup() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let replica = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    mailbox(&client, json!({"language": "vi"})).await;
    let reference = "<script>alert(1)</script>\r\nBcc: all@shop.example";
    stage.scene.publish(1, &placed_as(OrderId::new(), Some(reference))).await;
    stage.told(1).await;
    let mail = mails(&server, 1).await.remove(0);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("store@shop.example", ["owner@shop.example".to_owned()].as_slice())
    );
    assert!(mail.header("from").contains("Cyber Store") && mail.header("from").ends_with("<store@shop.example>"));
    assert_eq!((mail.header("bcc"), mail.header("auto-submitted")), ("", "auto-generated"));
    assert!(mail.header("message-id").starts_with("<msg_"), "{}", mail.header("message-id"));
    let (plain, html) = (mail.text("text/plain"), mail.text("text/html"));
    assert!(plain.contains("🛒 Đơn mới: 30,00 USD") && plain.contains("<script>alert(1)"), "{plain}");
    assert!(html.contains("🛒 Đơn mới: 30,00 USD") && html.contains("&lt;script&gt;"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    assert!(stage.telegram.messages().is_empty(), "an organisation with a destination is not told of elsewhere");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_many_mails_and_what_is_pending_is_one_of_them() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let replica = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let path = mailbox(&client, json!({})).await;
    for number in 1..=3 {
        assert_eq!(client.post(&format!("{path}/test"), &json!({})).await.0, 200);
        mails(&server, number).await;
        stage.told(number.try_into().unwrap()).await;
    }
    assert_eq!(server.connections(), 1);
    let changing = client.clone().with("if-match", "*");
    assert_eq!(changing.patch(&path, &json!({"paused": true})).await.0, 200);
    let order = OrderId::new();
    stage.scene.send(&[stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]).await;
    eventually(PATIENCE, async || stage.count("pending").await == 2).await;
    assert_eq!(server.mails().len(), 3, "a paused mailbox is told nothing");
    assert_eq!(changing.patch(&path, &json!({"paused": false})).await.0, 200);
    let mails = mails(&server, 4).await;
    let told = mails[3].text("text/plain");
    assert!(told.contains("Placed") && told.contains("Confirmed"), "{told}");
    stage.told(5).await;
    let (_, log) = client.get(&format!("{path}/deliveries")).await;
    let items = log["items"].as_array().unwrap();
    assert_eq!(items.len(), 5, "{log}");
    assert!(items.iter().all(|item| item["state"] == "sent" && item["message"].is_null()), "{log}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_for_a_while_is_sent_again_and_a_repetition_has_the_same_id() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let replica = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    mailbox(&client, json!({})).await;
    server.answer(&[Answer::Recipient(451), Answer::Content(451), Answer::Close, Answer::Lose]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let mails = mails(&server, 2).await;
    assert_eq!((mails.len(), server.left()), (2, 0), "only the one whose answer was lost is there twice");
    assert_eq!(mails[0].header("message-id"), mails[1].header("message-id"));
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_left_and_no_answer_of_it_is_taken_for_another_ones() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let replica = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let path = mailbox(&client, json!({})).await;
    // A connection that is kept, and then hangs for longer than an attempt may take.
    assert_eq!(client.post(&format!("{path}/test"), &json!({})).await.0, 200);
    stage.told(1).await;
    server.answer(&[Answer::Late(60_000)]);
    assert_eq!(client.post(&format!("{path}/test"), &json!({})).await.0, 200);
    stage.told(2).await;
    assert_eq!((server.mails().len(), server.connections()), (2, 2), "it went on with a connection that it had left");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_unknown_is_unreachable_with_its_reason_until_it_takes_mail() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let replica = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let path = mailbox(&client, json!({})).await;
    server.answer(&[Answer::Recipient(550); 30]);
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let found = state_of(&client, &path, "unreachable").await;
    assert!(found["reason"].as_str().unwrap().contains("no such mailbox here"), "{found}");
    server.relent();
    stage.told(1).await;
    assert!(state_of(&client, &path, "active").await["reason"].is_null());
    // What is refused as it is fails, and is sent again when staff asks for that.
    server.answer(&[Answer::Content(554)]);
    assert_eq!(client.post(&format!("{path}/test"), &json!({})).await.0, 200);
    eventually(PATIENCE, async || stage.count("failed").await == 1).await;
    assert_eq!(client.post(&format!("{path}/resend"), &json!({})).await, (200, json!({"deliveries": 1})));
    stage.told(2).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_password_mail_waits_and_telegram_does_not() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let wrong = replica(&stage, &server, "store:wrong").await;
    let client = stage.scene.client(wrong.base(), Caller::Owner);
    mailbox(&client, json!({})).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    let said = eventually(PATIENCE, async || {
        let report = wrong.boot().health().report().await;
        assert!(report.ready, "{report:?}");
        report.away.into_iter().find(|away| away.name == "mail").map(|away| away.reason)
    })
    .await;
    assert!(said.contains("set SMTP_URL") && said.contains("535"), "{said}");
    assert!(!said.contains("wrong@"), "a secret is told: {said}");
    // Another organisation is told of in the chat of the configuration meanwhile.
    stage.scene.send(&[testkit::publish(Some(stage.scene.other_organisation()), 1, &placed(OrderId::new()))]).await;
    eventually(PATIENCE, async || stage.telegram.messages().len() == 1).await;
    assert_eq!((stage.count("pending").await, server.mails().len()), (1, 0));
    wrong.stop().await;
    let right = replica(&stage, &server, CREDENTIALS).await;
    stage.told(2).await;
    assert_eq!(server.mails().len(), 1);
    right.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_mail_can_be_sent_to_is_refused_when_it_is_made() {
    let (stage, server) = (Stage::new().await, MailServer::start().await);
    let without = stage.replica().await;
    let client = stage.scene.client(without.base(), Caller::Owner);
    let wanted = json!({"name": "Owner", "email": "owner@shop.example"});
    let (status, refused) = client.post("/admin/v1/destinations", &wanted).await;
    assert_eq!((status, &refused["type"]), (409, &json!("/problems/mail-not-set-up")), "{refused}");
    without.stop().await;
    let with = replica(&stage, &server, CREDENTIALS).await;
    let client = stage.scene.client(with.base(), Caller::Owner);
    for (email, url) in [("nobody", Value::Null), ("a@b.example", json!("http://127.0.0.1:1/"))] {
        let (status, refused) =
            client.post("/admin/v1/destinations", &json!({"name": "x", "email": email, "url": url})).await;
        assert!(status == 400 || status == 422, "{status} {refused}");
    }
    with.stop().await;
}
