//! What an organisation says in its own words.

use kernel::OrderId;
use notifier::config::Settings;
use notifier::domain::{OrderLink, Voice};
use serde_json::json;
use testkit::{Caller, Topics};

use crate::stage::{GROUPS, Stage, confirmed, placed_as};

#[tokio::test(flavor = "multi_thread")]
async fn a_template_tells_its_kind_of_fact_and_cannot_break_a_message_whatever_it_says() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let text = "<b>New <i & {order}, {total} from “{reference}”";
    let wanted = json!({"name": "Own words", "templates": [{"kind": "order-placed", "text": text}]});
    let destination = stage.linked(&replica, Caller::Owner, &wanted, GROUPS[0]).await;
    let order = OrderId::new();
    let hostile = placed_as(order, Some("</code> @all <b>"));
    stage.scene.send(&[stage.record(1, &hostile), stage.record(2, &confirmed(order))]).await;
    stage.told(3).await;
    let told = stage.texts_in(GROUPS[0])[1..].join("\n");
    let own = format!("🛒 <b>New <i & {order}, 30.00 USD from “</code> @all <b>”");
    assert!(told.lines().any(|line| line == own), "{own} is missing in {told}");
    assert!(told.contains(&format!("✅ Confirmed: 30.00 USD · {order}")), "{told}");
    assert!(stage.telegram.messages().iter().all(|message| message.live.is_empty()));
    assert_eq!(stage.count("failed").await, 0);

    // One that a later version kept is left out, and the service's own words take its place.
    let later = r#"update destinations set manner = '{"templates":[{"kind":"order-placed","text":"{weather}"}]}'"#;
    stage.superuser.batch_execute(later).await.unwrap();
    stage.scene.publish(3, &placed_as(order, None)).await;
    stage.told(4).await;
    let told = stage.texts_in(GROUPS[0]).pop().unwrap();
    assert!(told.contains("🛒 Placed: 30.00 USD"), "{told}");

    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    let (status, changed) = client.patch(&path, &json!({"templates": []})).await;
    assert_eq!((status, changed.get("templates")), (200, None), "{changed}");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_shown_before_it_is_kept_and_a_wrong_one_is_refused_with_what_was_meant() {
    let stage = Stage::new().await;
    let link = OrderLink::parse("https://shop.example/{order}").unwrap();
    let voice = Voice { order_link: Some(link), ..Voice::default() };
    let replica = stage.start_with(Settings { voice, ..stage.settings() }, Topics::Off).await;
    let wanted = json!({"name": "Việt", "language": "vi"});
    let (destination, _) = stage.destination(&replica, Caller::Owner, &wanted).await;
    let client = stage.scene.client(replica.base(), Caller::Owner);
    let path = format!("/admin/v1/destinations/{destination}/preview");
    let (status, shown) = client.post(&path, &json!({"kind": "order-confirmed"})).await;
    assert_eq!(status, 200, "{shown}");
    let html = shown["html"].as_str().unwrap();
    assert!(html.starts_with("✅ Đã xác nhận: 1.234,50 USD · <a href=\"https://shop.example/ord_"), "{html}");
    let own = json!({"kind": "stock-low", "text": "{sku}: còn {available} <b>"});
    let (_, shown) = client.post(&path, &own).await;
    assert_eq!(shown["html"], "📉 TEA-1: còn 3 &lt;b&gt;");
    for (kind, text, words) in [
        ("stock-low", "{availble} left", "has no placeholder {availble}; did you mean {available}?"),
        ("stock-low", "{order}", "There are: {sku}, {available}, {threshold}"),
        ("stock-low", "{sku", "has a brace without its partner"),
        ("test", "hello", "must not be of test"),
    ] {
        let (status, refused) = client.post(&path, &json!({"kind": kind, "text": text})).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
        let kept = json!({"name": "X", "templates": [{"kind": kind, "text": text}]});
        let (status, refused) = client.post("/admin/v1/destinations", &kept).await;
        assert!(status == 422 && refused.to_string().contains(words), "{refused}");
    }
    let one = json!({"kind": "stock-low", "text": "{sku}"});
    let (status, refused) = client.post("/admin/v1/destinations", &json!({"name": "X", "templates": [one, one]})).await;
    assert!(status == 422 && refused.to_string().contains("must have stock-low once"), "{refused}");
    let stranger = stage.scene.client(replica.base(), Caller::OtherOrganisation);
    assert_eq!(stranger.post(&path, &own).await.0, 404);
    assert!(stage.telegram.messages().is_empty(), "nothing is sent");
    replica.stop().await;
}
