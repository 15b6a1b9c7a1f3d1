//! What becomes of an order after its first message: a reply to it, or an edit of it.

use contracts::order::{Cancelled, Cause, OrderEvent};
use devstack::bot_api::{Failure, Message};
use kernel::OrderId;
use serde_json::json;
use testkit::{Caller, eventually};

use crate::stage::{GROUPS, PATIENCE, Stage, confirmed, placed};

fn cancelled(order: OrderId) -> OrderEvent {
    OrderEvent::Cancelled(Cancelled::new(order, Cause::Staff))
}

/// The messages in the first group about this order, oldest first.
fn about(stage: &Stage, order: OrderId) -> Vec<Message> {
    let of = |message: &Message| message.chat_id == GROUPS[0].to_string() && message.text.contains(&order.to_string());
    stage.telegram.messages().into_iter().filter(of).collect()
}

/// Waits until the messages about this order say this, each word of the list in a message of its own.
async fn said(stage: &Stage, order: OrderId, words: &[&str]) -> Vec<Message> {
    eventually(PATIENCE, async || {
        let found = about(stage, order);
        let all = found.len() == words.len() && found.iter().zip(words).all(|(it, words)| it.text.contains(words));
        if all { Ok(found) } else { Err(format!("{found:?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_order_replies_to_its_first_message_while_that_is_there() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Replies", "follow_up": "reply"}), GROUPS[0]).await;
    let (order, other) = (OrderId::new(), OrderId::new());
    stage.scene.publish(1, &placed(order)).await;
    let first = said(&stage, order, &["Placed"]).await.remove(0);
    stage.scene.send(&[stage.record(1, &placed(other)), stage.record(2, &confirmed(order))]).await;
    let told = said(&stage, order, &["Placed", "Confirmed"]).await;
    assert_eq!((told[0].reply_to, told[1].reply_to), (None, Some(first.message_id)));
    assert!(!told[1].text.contains(&other.to_string()), "a reply tells of one order: {told:?}");
    assert_eq!(said(&stage, other, &["Placed"]).await[0].reply_to, None);
    stage.telegram.delete(first.message_id);
    stage.scene.publish(3, &cancelled(order)).await;
    let told = said(&stage, order, &["Confirmed", "Cancelled"]).await;
    assert_eq!(told[1].reply_to, None, "there is nothing to reply to, and it is told all the same");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_order_is_written_into_its_first_message_and_into_another_when_that_is_gone() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let destination =
        stage.linked(&replica, Caller::Owner, &json!({"name": "Edits", "follow_up": "edit"}), GROUPS[0]).await;
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    let first = said(&stage, order, &["Placed"]).await.remove(0);
    // Its reply is lost, so the edit is made again: Telegram says that nothing is different, and it is told.
    stage.telegram.fail_next(1, Failure::LostReply);
    stage.scene.publish(2, &confirmed(order)).await;
    stage.told(3).await;
    let edited = said(&stage, order, &["Placed"]).await.remove(0);
    assert_eq!((edited.message_id, edited.edits), (first.message_id, 1));
    let lines: Vec<&str> = edited.text.lines().skip(1).collect();
    assert!(lines[0].starts_with("🛒 Placed") && lines[1].starts_with("✅ Confirmed"), "{}", edited.text);

    stage.telegram.delete(first.message_id);
    stage.scene.publish(3, &cancelled(order)).await;
    let told = said(&stage, order, &["Cancelled"]).await.remove(0);
    assert!(told.message_id > first.message_id && told.edits == 0, "{told:?}");
    stage.told(4).await;
    assert_eq!(stage.count("failed").await, 0);

    // Edits take from the budget like messages do.
    let busy = OrderId::new();
    for version in 1..=6 {
        stage.scene.publish(version, &placed(busy)).await;
    }
    stage.told(10).await;
    assert_eq!((about(&stage, busy).len(), stage.telegram.refused()), (1, 0));
    assert_eq!(about(&stage, busy)[0].text.matches("🛒 Placed").count(), 6);

    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{destination}");
    let (_, changed) = client.patch(&path, &json!({"follow_up": "new"})).await;
    assert_eq!(changed["follow_up"], "new", "{changed}");
    stage.scene.publish(7, &cancelled(busy)).await;
    said(&stage, busy, &["Placed", "Cancelled"]).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_before_the_chat_got_another_id_is_not_edited() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [former, later, _] = GROUPS;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Edits", "follow_up": "edit"}), former).await;
    let order = OrderId::new();
    stage.scene.publish(1, &placed(order)).await;
    said(&stage, order, &["Placed"]).await;
    stage.telegram.fail_next(1, Failure::Moved(later));
    stage.scene.publish(2, &confirmed(order)).await;
    let told = stage.told_in(later, 1).await;
    assert!(told[0].contains("Confirmed") && !told[0].contains("Placed"), "{told:?}");
    stage.scene.publish(3, &cancelled(order)).await;
    stage.told(4).await;
    let told = stage.texts_in(later);
    assert!(told.len() == 1 && told[0].contains("Confirmed") && told[0].contains("Cancelled"), "{told:?}");
    replica.stop().await;
}
