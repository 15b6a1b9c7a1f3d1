//! From a button in the chat to the order and back, through every service.

use e2e::{PASSWORD, Shop, Store, alone, chat, invariants};
use serde_json::json;
use testkit::{Client, Scene};
use uuid::Uuid;

use crate::WISHES;

const OWNER: i64 = 9_001;
const VIEWER: i64 = 9_002;
const FOREIGNER: i64 = 9_003;
const STRANGER: i64 = 9_004;

/// A new member of a shop with this role.
async fn hire(store: &Store, shop: &Shop, role: &str) -> Client {
    let email = format!("{}@staff.example", Uuid::new_v4().simple());
    let inviting = shop.owner.clone().with("idempotency-key", &Uuid::new_v4().to_string());
    let (status, sent) = inviting.post("/admin/v1/invitations", &json!({"email": email, "roles": [role]})).await;
    assert_eq!(status, 201, "{sent}");
    let acceptance = json!({"token": sent["token"], "name": "A member", "password": PASSWORD});
    let visitor = Client::new(&store.gateways()[0], None).from_address(Scene::own_address());
    let (status, body) = visitor.post("/auth/v1/invitations/accept", &acceptance).await;
    assert_eq!(status, 200, "{body}");
    visitor.with("authorization", &format!("Bearer {}", body["access_token"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_packed_and_cancelled_from_the_chat_and_the_chat_says_so() {
    let store = alone(&WISHES).await;
    let shop = Shop::open(&store, "chat").await;
    shop.sell(&store, &[("CHAT", 100, 5)]).await;
    chat::link_account(&store, &shop.owner, OWNER).await;
    let placed = shop.place(&[("CHAT", 2)]).await;
    let order = shop.reaches(placed.order, "confirmed").await;
    let number = order["number"].as_i64().unwrap();
    let message = chat::message_of(&store, (&shop, number), "Confirmed").await;
    assert!(chat::press(&store, &message, "packed", OWNER).await.starts_with("Asked"));
    chat::says(&store, &format!("Packed as asked: order {number}")).await;
    shop.reaches(placed.order, "packed").await;
    assert!(chat::press(&store, &message, "Cancel", OWNER).await.starts_with("Asked"));
    chat::says(&store, &format!("Cancelled as asked: order {number}")).await;
    shop.reaches(placed.order, "cancelled").await;
    // The timeline names the owner, and the stock is free again.
    let (_, me) = shop.owner.get("/auth/v1/me").await;
    let (_, timeline) = shop.owner.get(&format!("/admin/v1/orders/{}/timeline", placed.order)).await;
    assert_eq!(timeline["items"][0]["actor"], me["user"]["id"], "{timeline} {me}");
    store.settled().await;
    assert_eq!(shop.stock("CHAT").await["available"], 5);
    // What the chat is asked is answered from the notifier's own copy.
    store.bot().say_as(OWNER, chat::chat(), None, &format!("/order {number}"));
    chat::says(&store, &format!("Order {number}: cancelled")).await;
    store.bot().say_as(OWNER, chat::chat(), None, "/stock chat");
    chat::says(&store, "CHAT: in-stock · 5 can be sold").await;
    invariants::assert_sound(&store, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_from_another_organisation_or_with_a_forged_button_nothing_is_done() {
    let store = alone(&WISHES).await;
    let (shop, other) = (Shop::open(&store, "chat").await, Shop::open(&store, "other").await);
    shop.sell(&store, &[("CHAT", 100, 5)]).await;
    chat::link_account(&store, &hire(&store, &shop, "viewer").await, VIEWER).await;
    chat::link_account(&store, &other.owner, FOREIGNER).await;
    let placed = shop.place(&[("CHAT", 2)]).await;
    let order = shop.reaches(placed.order, "confirmed").await;
    let message = chat::message_of(&store, (&shop, order["number"].as_i64().unwrap()), "Confirmed").await;
    // Order finds out that a viewer may not, and the chat says so.
    assert!(chat::press(&store, &message, "Cancel", VIEWER).await.starts_with("Asked"));
    chat::says(&store, &format!("Not cancelled: whoever asked may not · {}", placed.order)).await;
    // Notifier asks for nothing where it is not a member who pressed what it made.
    assert!(chat::press(&store, &message, "Cancel", STRANGER).await.starts_with("Only members"));
    assert!(chat::press(&store, &message, "Cancel", FOREIGNER).await.starts_with("This button"));
    let genuine = &message.buttons[1].data;
    let forged = format!("{}{}", &genuine[..genuine.len() - 4], "AAAA");
    assert!(chat::press_data(&store, &message, &forged, VIEWER).await.starts_with("This button"));
    store.settled().await;
    assert_eq!(shop.read(placed.order).await["status"], "confirmed");
    // Neither does a foreigner see it.
    store.bot().say_as(FOREIGNER, chat::chat(), None, &format!("/order {}", placed.order));
    chat::says(&store, "No such order is known here.").await;
    invariants::assert_sound(&store, &[]).await;
}
