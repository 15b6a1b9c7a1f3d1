//! Who is heard in a chat: members who have linked their account, and what each of them is answered.

use access::Role;
use contracts::catalog::{Availability, AvailabilityState, Backorder};
use contracts::order::Status;
use kernel::{OrderId, OrganisationId, ProductId, Sku, VariantId};
use serde_json::json;
use testkit::{Caller, Running, eventually};

use crate::stage::{CHAT, GROUPS, PATIENCE, Stage, stands};

/// The accounts of the people in these tests.
const VIEWER: i64 = 501;
const STRANGER: i64 = 502;

/// The answer to what an account says in a group.
async fn answered(stage: &Stage, account: i64, chat: i64, text: &str) -> String {
    let before = stage.texts_in(chat).len();
    stage.telegram.say_as(account, chat, None, text);
    stage.told_in(chat, before + 1).await[before].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_member_is_answered_what_their_roles_let_them_see_and_nobody_else_is() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [ours, _, _] = GROUPS;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), ours).await;
    let order = OrderId::new();
    stage.scene.publish(1, &stands(order, 1001, Status::Pending)).await;
    stage.told_in(ours, 2).await;
    let stock = AvailabilityState {
        variant: VariantId::new(),
        product: ProductId::new(),
        sku: Sku::parse("@all/TEA").unwrap(),
        availability: Availability::FewLeft,
        sellable: 2,
        available: 2,
        on_hand: 3,
        safety_stock: 0,
        backorder: Backorder::No,
        locations: Vec::new(),
        version: 1,
    };
    stage.scene.publish(1, &stock).await;
    stage.rows("stocks", 1).await;
    let hint = answered(&stage, STRANGER, ours, "/orders today").await;
    assert!(hint.starts_with("Only members of the store"), "{hint}");

    let viewer = stage.member(&replica, stage.scene.organisation(), VIEWER, Role::Viewer).await;
    let list = answered(&stage, VIEWER, ours, "/orders today").await;
    assert_eq!(list, "1 order today (UTC), 30.00 USD\n1001 · pending · 30.00 USD");
    let shown = answered(&stage, VIEWER, ours, "/order #1001").await;
    assert!(shown.starts_with("Order 1001: pending · 30.00 USD\nunpaid · unfulfilled · shop · placed"), "{shown}");
    assert!(shown.ends_with(&format!("3 of TEA-1\n{order}")), "{shown}");
    let sales = answered(&stage, VIEWER, ours, "/sales").await;
    assert_eq!(sales, "Sold today (UTC): 1 order, 30.00 USD\nSold yesterday (UTC): 0 orders");
    assert_eq!(answered(&stage, VIEWER, ours, "/order 9").await, "No order 9 is known here.");
    let stock = answered(&stage, VIEWER, ours, "/stock @ALL/tea").await;
    assert_eq!(stock, "@all/TEA: few-left · 2 can be sold · 2 free of 3 in the house");
    // What a seller called its goods does nothing.
    let live = stage.telegram.messages().iter().filter(|it| it.text == stock).flat_map(|it| it.live.clone()).count();
    assert_eq!(live, 0);
    // Whoever reads orders only decides nothing about the chat.
    assert!(answered(&stage, VIEWER, ours, "/mute 1h").await.starts_with("Only a destination"));

    // Other roles see other things, and whoever has left sees nothing any more.
    stage.scene.publish(2, &viewer.with(Role::CatalogManager, true, 2)).await;
    stage.roles("members", "product:write", 1).await;
    assert!(answered(&stage, VIEWER, ours, "/sales").await.starts_with("Your role in the store"));
    stage.scene.publish(3, &viewer.with(Role::Viewer, false, 3)).await;
    stage.rows("members where not active", 1).await;
    // The link is gone with the place, and does not come back with it.
    stage.rows("chat_links", 0).await;
    assert!(answered(&stage, VIEWER, ours, "/stock TEA-1").await.starts_with("Only members"));
    // An older state that comes late changes nothing.
    stage.scene.publish(1, &viewer.with(Role::Viewer, true, 1)).await;
    stage.scene.publish(1, &stands(OrderId::new(), 1002, Status::Pending)).await;
    stage.rows("members where not active", 1).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_answered_of_their_own_organisation_and_in_its_chats_alone() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [ours, theirs, nobodys] = GROUPS;
    let (own, other) = (stage.scene.organisation(), stage.scene.other_organisation());
    stage.linked(&replica, Caller::Owner, &json!({"name": "Ours"}), ours).await;
    stage.linked(&replica, Caller::OtherOrganisation, &json!({"name": "Theirs"}), theirs).await;
    stage.scene.publish(1, &stands(OrderId::new(), 1001, Status::Pending)).await;
    let foreign = testkit::publish(Some(other), 1, &stands(OrderId::new(), 7777, Status::Pending));
    stage.scene.send(&[foreign]).await;
    stage.told_in(ours, 2).await;
    stage.told_in(theirs, 2).await;
    stage.member(&replica, own, VIEWER, Role::Owner).await;
    assert!(answered(&stage, VIEWER, ours, "/orders").await.contains("1001"));
    assert_eq!(answered(&stage, VIEWER, ours, "/order 7777").await, "No order 7777 is known here.");
    for chat in [theirs, nobodys, CHAT.parse().unwrap()] {
        assert!(answered(&stage, VIEWER, chat, "/orders").await.starts_with("Only members"), "{chat}");
    }
    // In a chat of both, a member of both is answered for both, each under its name.
    stage.linked_again(&replica, Caller::OtherOrganisation, ours).await;
    assert!(!answered(&stage, VIEWER, ours, "/orders").await.contains("7777"));
    stage.member(&replica, other, VIEWER, Role::Viewer).await;
    let both = answered(&stage, VIEWER, ours, "/orders").await;
    assert!(both.contains("1001") && both.contains("7777") && both.contains(&other.to_string()), "{both}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_links_one_account_once_and_only_its_own_person_sees_and_removes_the_link() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (person, other) =
        (stage.scene.client(replica.base(), Caller::Viewer), stage.scene.client(replica.base(), Caller::Owner));
    let path = "/admin/v1/chat-links";
    let (status, first) = person.post(path, &json!(null)).await;
    assert_eq!(status, 201, "{first}");
    let (_, second) = person.post(path, &json!(null)).await;
    let private = CHAT.parse().unwrap();
    let code = |made: &serde_json::Value| made["code"].as_str().unwrap().to_owned();
    // Only the newest code counts, and what is stored of it is not the code.
    assert!(answered(&stage, VIEWER, private, &format!("/me {}", code(&first))).await.starts_with("That code"));
    stage.rows(&format!("chat_links where chat_links::text like '%{}%'", code(&second)), 0).await;
    assert!(answered(&stage, VIEWER, private, &format!("/link {}", code(&second))).await.starts_with("Your account"));
    assert!(answered(&stage, STRANGER, private, &format!("/me {}", code(&second))).await.starts_with("That code"));
    let (_, list) = person.get(path).await;
    assert_eq!((&list["items"][0]["linked"], list["items"].as_array().unwrap().len()), (&json!(true), 1), "{list}");
    assert_eq!(other.get(path).await.1["items"], json!([]));
    let at = format!("{path}/{}", list["items"][0]["id"].as_str().unwrap());
    let delete = reqwest::Method::DELETE;
    assert_eq!(other.send(delete.clone(), &at, None).await.status, 404);
    assert_eq!(person.send(delete.clone(), &at, None).await.status, 200);
    assert_eq!(person.send(delete, &at, None).await.status, 404);
    stage.rows("chat_links", 0).await;
    // An expired code links nothing, and another account takes the place of the first.
    let (_, expired) = person.post(path, &json!(null)).await;
    stage.superuser.batch_execute("update chat_links set code_expires_at = now() - interval '1 second'").await.unwrap();
    assert!(answered(&stage, VIEWER, private, &format!("/me {}", code(&expired))).await.starts_with("That code"));
    for account in [VIEWER, STRANGER] {
        let (_, made) = person.post(path, &json!(null)).await;
        assert!(answered(&stage, account, private, &format!("/me {}", code(&made))).await.starts_with("Your account"));
    }
    stage.rows(&format!("chat_links where telegram_user = {STRANGER}"), 1).await;
    stage.rows("chat_links", 1).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_destination_is_silent_is_told_when_it_is_not_any_more() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [ours, theirs, _] = GROUPS;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Ours"}), ours).await;
    stage.linked(&replica, Caller::OtherOrganisation, &json!({"name": "Theirs"}), theirs).await;
    stage.member(&replica, stage.scene.organisation(), VIEWER, Role::Owner).await;
    assert!(answered(&stage, VIEWER, ours, "/mute 1h").await.starts_with("Nothing is told here until"));
    let orders: Vec<OrderId> = (0..3).map(|_| OrderId::new()).collect();
    for (order, number) in orders.iter().zip(1001..) {
        stage.scene.publish(1, &stands(*order, number, Status::Pending)).await;
    }
    eventually(PATIENCE, async || stage.count("pending").await == 3).await;
    // Another destination is told meanwhile, and commands are answered.
    let foreign =
        testkit::publish(Some(stage.scene.other_organisation()), 1, &stands(OrderId::new(), 1, Status::Pending));
    stage.scene.send(&[foreign]).await;
    stage.told_in(theirs, 2).await;
    let status = answered(&stage, VIEWER, ours, "/status").await;
    assert!(status.contains("silent until") && status.contains("3 pending"), "{status}");
    assert_eq!(stage.count("pending").await, 3);
    let before = stage.texts_in(ours).len();
    stage.telegram.say_as(VIEWER, ours, None, "/mute off");
    eventually(PATIENCE, async || stage.count("pending").await == 0).await;
    let texts = stage.texts_in(ours)[before..].join("\n");
    for number in 1001..1004 {
        assert_eq!(texts.matches(&format!("order {number}")).count(), 1, "{texts}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_makes_a_destination_silent_for_a_while_and_ends_that() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let ours = GROUPS[0];
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Ours"}), ours).await;
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    for wrong in [json!(0), json!(10_081), json!("1h")] {
        let (status, refused) = client.patch(&path, &json!({"mute_minutes": wrong})).await;
        assert!(status == 400 || status == 422, "{status} {refused}");
    }
    let (status, muted) = client.patch(&path, &json!({"mute_minutes": 60})).await;
    assert_eq!((status, muted["muted_until"].is_string(), &muted["state"]), (200, true, &json!("active")), "{muted}");
    assert_eq!(client.get(&path).await.1["muted_until"], muted["muted_until"]);
    stage.scene.publish(1, &stands(OrderId::new(), 1001, Status::Pending)).await;
    eventually(PATIENCE, async || stage.count("pending").await == 1).await;
    assert!(answered(&stage, STRANGER, ours, "/status").await.contains("silent until"));
    assert_eq!(stage.count("pending").await, 1);
    let (status, told) = client.patch(&path, &json!({"mute_minutes": null})).await;
    assert_eq!((status, &told["muted_until"]), (200, &json!(null)), "{told}");
    eventually(PATIENCE, async || stage.count("pending").await == 0).await;
    assert!(stage.texts_in(ours).last().unwrap().contains("order 1001"));
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_chat_of_the_configuration_members_are_answered_while_their_organisation_has_no_destination() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let configured: i64 = CHAT.parse().unwrap();
    let own: OrganisationId = stage.scene.organisation();
    stage.scene.publish(1, &stands(OrderId::new(), 1001, Status::Pending)).await;
    stage.told_in(configured, 1).await;
    stage.member(&replica, own, VIEWER, Role::Owner).await;
    assert!(answered(&stage, VIEWER, configured, "/orders").await.contains("1001"));
    assert!(answered(&stage, VIEWER, configured, "/mute 1h").await.starts_with("Only a destination"));
    stage.linked(&replica, Caller::Owner, &json!({"name": "Ours"}), GROUPS[0]).await;
    assert!(answered(&stage, VIEWER, configured, "/orders").await.starts_with("Only members"));
    replica.stop().await;
}

/// What these tests need of a stage besides.
impl Stage {
    /// A destination of this organisation in a chat that has another one.
    async fn linked_again(&self, replica: &Running, caller: Caller, group: i64) {
        let (_, code) = self.destination(replica, caller, &json!({"name": "Shared"})).await;
        let before = self.texts_in(group).len();
        self.telegram.say(group, None, &format!("/link {code}"));
        self.told_in(group, before + 1).await;
    }
}
