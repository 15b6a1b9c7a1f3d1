//! In which words, by whose clocks and with which links a destination is told.

use contracts::order::{Cancelled, Cause, Confirmed, OrderEvent};
use kernel::{Currency, Money, OrderId, TimeZone};
use notifier::config::Settings;
use notifier::domain::{Language, OrderLink, Voice};
use serde_json::json;
use testkit::{Caller, Topics};

use crate::messages::imported;
use crate::stage::{CHAT, GROUPS, Stage, confirmed, placed};

#[tokio::test(flavor = "multi_thread")]
async fn each_destination_is_told_in_its_language_and_the_configured_chat_in_its_own() {
    let stage = Stage::new().await;
    let link = OrderLink::parse("https://shop.example/orders/{order}?a&b").unwrap();
    let vietnamese = Voice {
        language: Language::Vi,
        time_zone: TimeZone::parse("Asia/Ho_Chi_Minh").unwrap(),
        order_link: Some(link),
        ..Voice::default()
    };
    let replica = stage.start_with(Settings { voice: vietnamese, ..stage.settings() }, Topics::On).await;
    let dong = Money::from_minor(1_499_000, Currency::parse("VND").unwrap()).unwrap();
    let mut standing = imported();
    standing.number = Some(1_001);
    let order = OrderId::new();
    let numbered = OrderEvent::Confirmed(Confirmed { order, total: dong, standing: Some(standing) });
    stage.scene.publish(1, &numbered).await;
    let chat: i64 = CHAT.parse().unwrap();
    let told = stage.told_in(chat, 1).await;
    assert_eq!(told[0].lines().last(), Some("✅ Đã xác nhận: 1.499.000 ₫ · đơn 1001"), "{told:?}");
    assert_eq!(stage.telegram.messages()[0].links, [format!("https://shop.example/orders/{order}?a&b")]);

    let [english, other, _] = GROUPS;
    stage.linked(&replica, Caller::Owner, &json!({"name": "English"}), english).await;
    let wanted = json!({"name": "Việt", "language": "vi", "time_zone": "Asia/Ho_Chi_Minh"});
    let destination = stage.linked(&replica, Caller::Owner, &wanted, other).await;
    assert!(stage.texts_in(other)[0].contains("Nhóm chat này đã được liên kết với tên “Việt”"));
    stage.scene.publish(2, &numbered).await;
    let (here, there) = (stage.told_in(english, 2).await, stage.told_in(other, 2).await);
    assert_eq!(here[1].lines().last(), Some("✅ Confirmed: 1,499,000 VND · order 1001"), "{here:?}");
    assert_eq!(there[1].lines().last(), Some("✅ Đã xác nhận: 1.499.000 ₫ · đơn 1001"), "{there:?}");

    let client = stage.scene.client(replica.base(), Caller::Owner);
    let path = format!("/admin/v1/destinations/{destination}");
    let (_, found) = client.get(&path).await;
    assert_eq!((&found["language"], &found["time_zone"]), (&json!("vi"), &json!("Asia/Ho_Chi_Minh")));
    let any = client.clone().with("if-match", "*");
    let (status, refused) = any.patch(&path, &json!({"time_zone": "Mars/Base"})).await;
    assert_eq!(status, 422, "{refused}");
    let (status, changed) = any.patch(&path, &json!({"language": "en", "time_zone": "UTC"})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(client.post(&format!("{path}/test"), &json!({})).await.0, 200);
    let told = stage.told_in(other, 3).await;
    assert_eq!(told[2].lines().last(), Some("🔔 A test message: this destination works"), "{told:?}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_hears_what_matters_enough_and_is_about_its_skus() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [warned, pots, tea] = GROUPS;
    let about = |skus: &[&str]| json!({"name": "About", "rules": {"skus": skus}});
    stage.linked(&replica, Caller::Owner, &json!({"name": "Warned", "rules": {"severity": "warning"}}), warned).await;
    stage.linked(&replica, Caller::Owner, &about(&["POT-2", "CUP-9"]), pots).await;
    stage.linked(&replica, Caller::Owner, &about(&["TEA-1"]), tea).await;
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    stage.told_in(tea, 2).await;
    let cancelled = Cancelled::new(order, Cause::Staff);
    stage.scene.publish(2, &confirmed(order)).await;
    stage.scene.publish(3, &OrderEvent::Cancelled(cancelled)).await;
    let heard = stage.told_in(warned, 2).await;
    assert!(heard[1].contains("Cancelled") && !heard[1].contains("Placed"), "{heard:?}");
    // An older release does not say which SKUs an order has that is confirmed or cancelled, so these are told.
    let heard = stage.told_in(pots, 2).await[1..].join("\n");
    assert!(!heard.contains("Placed"), "the order has no line of these SKUs: {heard}");
    replica.stop().await;
}
