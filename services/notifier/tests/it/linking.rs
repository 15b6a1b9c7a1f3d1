//! How a chat is linked to a destination: by its code, once, and by nothing else.

use std::time::Duration;

use kernel::Clock;
use mediator::Scope;
use notifier::commands::{ClaimReading, HandleUpdate, RestartReading};
use notifier::domain::{BotId, ButtonSeal, Heard, Lease, Received};
use serde_json::json;
use testkit::{Caller, eventually};

use crate::stage::{GROUPS, PATIENCE, Stage};

/// The number of rows that this counts.
async fn number(stage: &Stage, count: &str) -> i64 {
    stage.superuser.query_one(count, &[]).await.unwrap().get(0)
}

const ACTIVE: &str = "select count(*) from destinations where state = 'active'";

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_link_a_chat_and_a_topic_once_and_say_so_there() {
    let stage = Stage::new().await;
    let (first, second) = (stage.replica().await, stage.replica().await);
    let (_, code) = stage.destination(&first, Caller::Owner, &json!({"name": "Operations"})).await;
    stage.telegram.say(GROUPS[0], Some(7), &format!("/link@cyber_bot {}", code.to_lowercase()));
    let texts = stage.told_in(GROUPS[0], 1).await;
    assert!(texts[0].contains("linked now as “Operations”"), "{texts:?}");
    assert_eq!(stage.telegram.messages()[0].topic, Some(7));
    // The same code again links nothing, whoever sends it.
    stage.telegram.say(GROUPS[1], None, &format!("/link {code}"));
    let refused = stage.told_in(GROUPS[1], 1).await;
    assert!(refused[0].starts_with("That code is not valid"), "{refused:?}");
    let row = stage.superuser.query_one("select chat, topic, version from destinations", &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (GROUPS[0], Some(7_i64), 2_i64));
    assert_eq!(stage.texts_in(GROUPS[0]).len(), 1);
    first.stop().await;
    // The other one goes on at once, and handles nothing again.
    stage.telegram.say(GROUPS[1], None, "/help");
    let texts = stage.told_in(GROUPS[1], 2).await;
    assert!(texts[1].contains("/status"), "{texts:?}");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_a_wrong_and_an_expired_code_link_nothing_and_are_answered_alike() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (_, expired) = stage.destination(&replica, Caller::Owner, &json!({"name": "Expired"})).await;
    let past = "update destinations set code_expires_at = now() - interval '1 second'";
    stage.superuser.batch_execute(past).await.unwrap();
    for (number, code) in ["0000-0000-0000", expired.as_str(), "<b>@all</b>"].iter().enumerate() {
        stage.telegram.say(GROUPS[0], None, &format!("/link {code}"));
        stage.told_in(GROUPS[0], number + 1).await;
    }
    let texts = stage.texts_in(GROUPS[0]);
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    assert_eq!(number(&stage, ACTIVE).await, 0);
    // The code of one organisation links the destination of that organisation, whoever sends it.
    let (theirs, code) = stage.destination(&replica, Caller::OtherOrganisation, &json!({"name": "Theirs"})).await;
    let owner = stage.scene.client(replica.base(), Caller::Owner);
    assert_eq!(owner.get(&format!("/admin/v1/destinations/{theirs}")).await.0, 404);
    stage.telegram.say(GROUPS[1], None, &format!("/link {code}"));
    stage.told_in(GROUPS[1], 1).await;
    let of_ours = format!("{ACTIVE} and org_id = '{}'", stage.scene.organisation().uuid());
    assert_eq!((number(&stage, ACTIVE).await, number(&stage, &of_ours).await), (1, 0));
    // What is stored of a code is not the code.
    let readable = format!("select count(*) from destinations where destinations::text like '%{code}%'");
    assert_eq!(number(&stage, &readable).await, 0);
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_asks_too_often_gets_no_answer_but_a_right_code_links_it() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (_, code) = stage.destination(&replica, Caller::Owner, &json!({"name": "Operations"})).await;
    for _ in 0..10 {
        stage.telegram.say(GROUPS[0], None, "/link 0000-0000-0000");
    }
    // What is said to another bot is not answered, and does not count.
    stage.telegram.say(GROUPS[1], None, "/help@other_bot");
    let last = stage.telegram.say(GROUPS[0], None, "/help");
    let read = "select coalesce(max(next_update), 0) from readings";
    eventually(PATIENCE, async || number(&stage, read).await > last).await;
    assert_eq!(number(&stage, ACTIVE).await, 0);
    assert!(stage.texts_in(GROUPS[0]).iter().all(|text| text.starts_with("That code is not valid")));
    assert_eq!(number(&stage, "select count(*) from askers").await, 1);
    stage.telegram.say(GROUPS[0], None, &format!("/link {code}"));
    eventually(PATIENCE, async || number(&stage, ACTIVE).await == 1).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_handled_once_and_by_the_holder_of_the_lease_alone() {
    let stage = Stage::new().await;
    let (mediator, scope) = (stage.scene.mediator(), Scope::platform_system("test"));
    stage.superuser.batch_execute("insert into budgets (subject) values ('bot')").await.unwrap();
    let (lease, other, duration) = (Lease::new(), Lease::new(), Duration::from_secs(60));
    let bot = || BotId::of_token("7:x");
    let claim = |lease| ClaimReading { bot: bot(), lease, duration };
    assert_eq!(mediator.send(&scope, claim(lease)).await.unwrap(), Some(0));
    assert_eq!(mediator.send(&scope, claim(other)).await.unwrap(), None);
    let help =
        Received { update: 5, chat: -1, topic: None, account: None, sent_at: Clock::now(), text: "/help".to_owned() };
    let handle = |lease| HandleUpdate {
        bot: bot(),
        lease,
        update: 5,
        own_name: "cyber_bot".to_owned(),
        heard: Some(Heard::Said(help.clone())),
        configured: stage.settings().chat,
        seal: ButtonSeal::of_bot("7:x"),
    };
    assert_eq!(mediator.send(&scope, handle(other)).await.unwrap(), None);
    assert!(mediator.send(&scope, handle(lease)).await.unwrap().is_some());
    assert_eq!(mediator.send(&scope, handle(lease)).await.unwrap(), None);
    assert_eq!(mediator.send(&scope, claim(lease)).await.unwrap(), Some(6));
    assert_eq!(number(&stage, "select asked::bigint from askers").await, 1);
    // Only a reply that lies below as a whole begins anew, and only for the holder of the lease. Another bot has its own numbers.
    let restart = |lease, first, last| RestartReading { bot: bot(), lease, first, last };
    assert!(!mediator.send(&scope, restart(other, 2, 3)).await.unwrap());
    assert!(!mediator.send(&scope, restart(lease, 2, 6)).await.unwrap());
    assert!(mediator.send(&scope, restart(lease, 2, 3)).await.unwrap());
    assert_eq!(mediator.send(&scope, claim(lease)).await.unwrap(), Some(2));
    let another = ClaimReading { bot: BotId::of_token("8:x"), lease: other, duration };
    assert_eq!(mediator.send(&scope, another).await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_whose_updates_begin_anew_with_lower_numbers_is_not_deaf() {
    let stage = Stage::new().await;
    let before = "insert into readings (subject, next_update) values ('1000001', 1000000)";
    stage.superuser.batch_execute(before).await.unwrap();
    let replica = stage.replica().await;
    let last = stage.telegram.say(GROUPS[0], None, "/help");
    assert!(stage.told_in(GROUPS[0], 1).await[0].contains("/status"));
    assert_eq!(number(&stage, "select next_update from readings").await, last + 1);
    stage.telegram.say(GROUPS[0], None, "/help");
    stage.told_in(GROUPS[0], 2).await;
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_chat_names_what_is_linked_there_and_nothing_of_other_chats() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    stage.linked(&replica, Caller::Owner, &json!({"name": "Ours @all"}), GROUPS[0]).await;
    stage.linked(&replica, Caller::OtherOrganisation, &json!({"name": "Theirs"}), GROUPS[1]).await;
    for (group, own, foreign) in [(GROUPS[0], "Ours @all", "Theirs"), (GROUPS[1], "Theirs", "Ours")] {
        stage.telegram.say(group, None, "/status");
        let texts = stage.told_in(group, 2).await;
        assert!(texts[1].contains(own) && texts[1].contains("active") && !texts[1].contains(foreign), "{texts:?}");
    }
    stage.telegram.say(GROUPS[2], None, "/status");
    assert!(stage.told_in(GROUPS[2], 1).await[0].starts_with("Nothing is linked"));
    assert!(stage.telegram.messages().iter().all(|message| message.live.iter().all(|live| live.starts_with('/'))));
    replica.stop().await;
}
