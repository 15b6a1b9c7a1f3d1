//! Buttons below a message about an order: only a linked member presses them, only where they stand, and once.

use access::Role;
use contracts::notifier::{ActionEvent, ActionRequested, ChatStep};
use contracts::order::{OutcomeEvent, Status, StepDone, StepRefusal, StepRefused};
use contracts::{Channel, Envelope, topics};
use devstack::bot_api::{Button, Pressed};
use kernel::{ActionId, OrderId};
use serde_json::json;
use testkit::{Caller, eventually};

use crate::stage::{GROUPS, PATIENCE, Stage, confirmed, stands};

const MEMBER: i64 = 501;
const STRANGER: i64 = 502;
const FOREIGNER: i64 = 503;

/// What was asked on the topic.
async fn asked(stage: &Stage) -> Vec<(Envelope, ActionRequested)> {
    let records = stage.scene.read(topics::ACTION.name).await;
    let read = |record: &messaging::Record| {
        let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
        let event = ActionEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
        let ActionEvent::ActionRequested(requested) = event;
        (envelope, requested)
    };
    records.iter().map(read).collect()
}

/// The buttons of the message in a chat that names an order so.
async fn buttons(stage: &Stage, chat: i64, order: &str) -> (i64, Vec<Button>) {
    eventually(PATIENCE, async || {
        let messages = stage.telegram.messages();
        let found = messages.iter().find(|it| it.chat_id == chat.to_string() && it.text.contains(order));
        found.map(|message| (message.message_id, message.buttons.clone()))
    })
    .await
}

/// What whoever pressed is told.
async fn toast(stage: &Stage, update: i64) -> String {
    eventually(PATIENCE, async || {
        stage.telegram.toasts().into_iter().find(|toast| toast.callback == update.to_string()).map(|toast| toast.text)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pressed_button_is_said_once_by_the_person_and_what_became_of_it_is_told_there() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let ours = GROUPS[0];
    let destination = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), ours).await;
    // Without anybody who could press one there is no button.
    let unpressable = OrderId::new();
    stage.scene.publish(2, &stands(unpressable, 1000, Status::Confirmed)).await;
    assert_eq!(buttons(&stage, ours, "order 1000").await.1, []);
    let member = stage.member(&replica, stage.scene.organisation(), MEMBER, Role::Viewer).await;
    let order = OrderId::new();
    stage.scene.publish(2, &stands(order, 1001, Status::Confirmed)).await;
    let (message_id, buttons) = buttons(&stage, ours, "order 1001").await;
    let labels: Vec<&str> = buttons.iter().map(|button| button.text.as_str()).collect();
    assert_eq!(labels, ["📦 Mark packed", "🚫 Cancel"]);
    let press = Pressed { chat: ours, topic: None, message_id, data: buttons[1].data.clone(), account: MEMBER };
    let update = stage.telegram.press(press.clone());
    assert!(toast(&stage, update).await.starts_with("Asked"));
    let (envelope, requested) = eventually(PATIENCE, async || asked(&stage).await.pop()).await;
    assert_eq!(envelope.organisation, Some(stage.scene.organisation()));
    assert_eq!(envelope.actor, member.user.to_string());
    assert_eq!((requested.order, requested.step, requested.user), (order, ChatStep::Cancel, member.user));
    assert_eq!(requested.destination.map(|it| it.to_string()), Some(destination));
    // The same update again is no second press.
    stage.telegram.press_again(update, press);
    let later = stage.telegram.say(ours, None, "/help");
    eventually(PATIENCE, async || {
        let read: i64 = stage.superuser.query_one("select max(next_update) from readings", &[]).await.unwrap().get(0);
        read > later
    })
    .await;
    assert_eq!(asked(&stage).await.len(), 1);

    let ActionRequested { action, step, destination, .. } = requested;
    let before = stage.texts_in(ours).len();
    let done = StepDone { action, order, step, destination, number: Some(1001), status: Status::Cancelled };
    let done = stage.record(1, &OutcomeEvent::from(done));
    stage.scene.send(&[done.clone(), done]).await;
    assert!(stage.told_in(ours, before + 1).await[before].ends_with("Cancelled as asked: order 1001"));
    let reason = StepRefusal::NotPermitted;
    // Said once more under another event, it is told no second time.
    let again = StepDone { action, order, step, destination, number: Some(1001), status: Status::Cancelled };
    stage.scene.publish(1, &OutcomeEvent::from(again)).await;
    let action = ActionId::new();
    let refused = StepRefused { action, order, step, destination, reason, number: None, status: None };
    stage.scene.publish(1, &OutcomeEvent::from(refused)).await;
    let texts = stage.told_in(ours, before + 2).await;
    assert!(texts[before + 1].contains("Not cancelled: whoever asked may not"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.contains("as asked")).count(), 1, "the same outcome twice is told once");
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_carried_elsewhere_or_pressed_by_somebody_else_asks_for_nothing() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [ours, also_ours, theirs] = GROUPS;
    let (own, other) = (stage.scene.organisation(), stage.scene.other_organisation());
    for (caller, group) in [(Caller::Owner, ours), (Caller::Owner, also_ours), (Caller::OtherOrganisation, theirs)] {
        stage.linked(&replica, caller, &json!({"name": "A chat"}), group).await;
    }
    stage.member(&replica, own, MEMBER, Role::Owner).await;
    stage.member(&replica, other, FOREIGNER, Role::Owner).await;
    let order = OrderId::new();
    stage.scene.publish(2, &stands(order, 1001, Status::Confirmed)).await;
    let (message_id, found) = buttons(&stage, ours, "order 1001").await;
    let genuine = found[1].data.clone();
    // Another order, another step, another seal.
    let turned = |at: usize| {
        let sign = if genuine.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{sign}{}", &genuine[..at], &genuine[at + 1..])
    };
    let repacked = format!("p{}", &genuine[1..]);
    let forged = [turned(3), turned(30), repacked, "cAAAA".to_owned(), "hello".to_owned(), "é".repeat(30)];
    let of = |account, chat, data: &str| Pressed { chat, topic: None, message_id, data: data.to_owned(), account };
    let mut presses: Vec<(Pressed, &str)> =
        forged.iter().map(|data| (of(MEMBER, ours, data), "This button does nothing")).collect();
    presses.push((of(MEMBER, also_ours, &genuine), "This button does nothing"));
    presses.push((Pressed { topic: Some(3), ..of(MEMBER, ours, &genuine) }, "Only members"));
    for (account, chat) in [(STRANGER, ours), (FOREIGNER, ours), (MEMBER, theirs)] {
        presses.push((of(account, chat, &genuine), "Only members"));
    }
    presses.push((of(FOREIGNER, theirs, &genuine), "This button does nothing"));
    for (pressed, told) in presses {
        let said = format!("{pressed:?}");
        let update = stage.telegram.press(pressed);
        let toast = toast(&stage, update).await;
        assert!(toast.starts_with(told), "{said}: {toast}");
    }
    // Whoever has left presses nothing any more.
    let left = stage.member(&replica, own, STRANGER, Role::Owner).await;
    stage.scene.publish(2, &left.with(Role::Owner, false, 2)).await;
    stage.rows("members where not active", 1).await;
    let update = stage.telegram.press(of(STRANGER, ours, &genuine));
    assert!(toast(&stage, update).await.starts_with("Only members"));
    assert!(asked(&stage).await.is_empty());
    assert_eq!(stage.superuser.query("select from outbox", &[]).await.unwrap().len(), 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_about_several_orders_has_no_buttons() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let ours = GROUPS[0];
    stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), ours).await;
    stage.member(&replica, stage.scene.organisation(), MEMBER, Role::Owner).await;
    let orders: Vec<OrderId> = (0..2).map(|_| OrderId::new()).collect();
    // Both wait for the chat, so that they are told in one message.
    let lease =
        "update budgets set claim = gen_random_uuid(), leased_until = now() + interval '5 seconds' where subject = $1";
    stage.superuser.execute(lease, &[&ours.to_string()]).await.unwrap();
    let records: Vec<_> = orders.iter().map(|order| stage.record(2, &confirmed(*order))).collect();
    stage.scene.send(&records).await;
    let (message, none) = buttons(&stage, ours, &orders[0].to_string()).await;
    assert_eq!((buttons(&stage, ours, &orders[1].to_string()).await.0, none), (message, vec![]));
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_while_its_destination_is_silent_or_paused_and_nothing_else_is() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let ours = GROUPS[0];
    let id = stage.linked(&replica, Caller::Owner, &json!({"name": "Operations"}), ours).await;
    let client = stage.scene.client(replica.base(), Caller::Owner).with("if-match", "*");
    let path = format!("/admin/v1/destinations/{id}");
    let destination = Some(id.parse().unwrap());
    let silent = "update destinations set muted_until = now() + interval '1 hour'";
    stage.superuser.batch_execute(silent).await.unwrap();
    for told in 1..=2 {
        if told == 2 {
            assert_eq!(client.patch(&path, &json!({"paused": true})).await.0, 200);
            stage.superuser.batch_execute("update destinations set muted_until = 'epoch'").await.unwrap();
        }
        let (order, action, step) = (OrderId::new(), ActionId::new(), ChatStep::Pack);
        stage.scene.publish(1, &stands(order, 1000 + told, Status::Confirmed)).await;
        eventually(PATIENCE, async || stage.count("pending").await == told).await;
        let done = StepDone { action, order, step, destination, number: Some(1000 + told), status: Status::Packed };
        stage.scene.publish(1, &OutcomeEvent::from(done)).await;
        let texts = stage.told_in(ours, 1 + usize::try_from(told).unwrap()).await;
        let last = texts.last().unwrap();
        assert!(last.ends_with(&format!("Packed as asked: order {}", 1000 + told)), "{texts:?}");
        assert!(!last.contains("Confirmed"), "{texts:?}");
    }
    // What happened still waits, and the answers do not.
    eventually(PATIENCE, async || (stage.count("pending").await, stage.count("sent").await) == (2, 3)).await;
    replica.stop().await;
}
