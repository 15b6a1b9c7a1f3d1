//! Ten thousand events for fifty chats while everything goes wrong: nothing is lost, the order holds in every chat, and what
//! Telegram allows is kept.

use std::collections::BTreeMap;

use contracts::order::{FulfilmentStatus, OrderEvent, PaymentStatus, Placed, Source, Standing, Status, StockPolicy};
use contracts::topics;
use devstack::bot_api::Failure;
use kernel::{ChannelCode, OrderId};
use rand::{Rng, RngExt, SeedableRng};
use serde_json::json;
use testkit::{Caller, eventually};

use crate::stage::{PATIENCE, Stage, facts_in, placed, usd};

const CHATS: i64 = 50;
const EVENTS: i64 = 10_000;

/// Every second chat is a group, which takes 20 messages in a minute.
fn chat(number: i64) -> i64 {
    if number % 2 == 0 { 5_000 + number } else { -5_000 - number }
}

/// A sales channel that one destination alone is told of.
fn channel(number: i64) -> ChannelCode {
    ChannelCode::parse(&format!("shop-{number}")).unwrap()
}

fn sold_in(channel: ChannelCode) -> OrderEvent {
    let OrderEvent::Placed(placed) = placed(OrderId::new()) else { unreachable!("an order is placed") };
    let total = placed.total;
    let standing = Standing {
        number: None,
        source: Source::Shop,
        stock: StockPolicy::Update,
        oversold: false,
        status: Status::Pending,
        payment: PaymentStatus::Unpaid,
        fulfilment: FulfilmentStatus::Unfulfilled,
        channel,
        customer: None,
        buyer: None,
        total,
        authorised: usd(0),
        paid: usd(0),
        refunded: usd(0),
        lines: Vec::new(),
    };
    OrderEvent::Placed(Placed { standing: Some(Box::new(standing)), ..placed })
}

/// Something that goes wrong, of every kind.
fn fault(random: &mut impl Rng) -> Failure {
    match random.random_range(0..7) {
        0 => Failure::RetryAfter(1),
        1 => Failure::Unavailable,
        2 => Failure::Forbidden,
        3 => Failure::TopicClosed,
        4 => Failure::LostReply,
        5 => Failure::LateReply(random.random_range(50..400)),
        _ => Failure::LateRefusal(random.random_range(50..400)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_reach_fifty_chats_in_order_whatever_goes_wrong() {
    let chats: Vec<i64> = (0..CHATS).map(chat).collect();
    let stage = Stage::among(&chats).await;
    stage.telegram.doubles_updates();
    stage.scene.topics(&[topics::ORDER]).await;
    let replica = stage.replica().await;
    let mut destinations = Vec::new();
    for number in 0..CHATS {
        let wanted = json!({"name": format!("Team {number}"), "rules": {"channels": [channel(number)]}});
        let (destination, code) = stage.destination(&replica, Caller::Owner, &wanted).await;
        stage.telegram.say(chat(number), None, &format!("/link {code}"));
        destinations.push(destination);
    }
    stage.told(CHATS).await;

    let records: Vec<_> = (0..EVENTS).map(|number| stage.record(1, &sold_in(channel(number % CHATS)))).collect();
    let seed = rand::random();
    println!("the faults follow from the seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let (mut processes, mut kills) = (vec![stage.process(), stage.process()], 0);
    for (round, part) in records.chunks(500).enumerate() {
        stage.scene.send(part).await;
        for _ in 0..3 {
            stage.telegram.fail_next(1, fault(&mut random));
        }
        if round % 6 == 5 {
            // Dropping it sends SIGKILL.
            drop(processes.remove(0));
            processes.push(stage.process());
            kills += 1;
        }
        if round == 10 {
            stage.telegram.migrate(&chat(1).to_string(), -7_001);
            stage.telegram.close(&chat(2).to_string());
        }
        let events = i64::try_from((round + 1) * 500).unwrap();
        eventually(PATIENCE, async || {
            let rows: i64 = stage.superuser.query_one("select count(*) from deliveries", &[]).await.unwrap().get(0);
            if rows == CHATS + events { Ok(()) } else { Err(rows) }
        })
        .await;
    }
    stage.telegram.reopen(&chat(2).to_string());
    eventually(PATIENCE * 3, async || {
        let pending = stage.count("pending").await;
        // How long a chat waits that was closed for a while is no matter of this test.
        for table in ["budgets", "destinations"] {
            let soon = format!(
                "update {table} set blocked_until = now() where ctid in (select ctid from {table}
                 where blocked_until > now() + interval '2 seconds' for update skip locked)"
            );
            stage.superuser.batch_execute(&soon).await.unwrap();
        }
        if pending == 0 { Ok(()) } else { Err(pending) }
    })
    .await;
    drop(processes);
    replica.stop().await;

    assert_eq!((stage.count("sent").await, stage.count("failed").await), (CHATS + EVENTS, 0));
    let messages: BTreeMap<i64, _> =
        stage.telegram.messages().into_iter().map(|message| (message.message_id, message)).collect();
    let rows = stage
        .superuser
        .query("select destination::text, message_id from deliveries order by destination, id", &[])
        .await
        .unwrap();
    let (mut told, mut last) = (BTreeMap::<i64, i64>::new(), BTreeMap::<String, i64>::new());
    for row in rows {
        let (destination, message): (String, i64) = (row.get(0), row.get(1));
        let before = last.insert(destination.clone(), message).unwrap_or_default();
        assert!(before <= message, "the order in {destination} is broken: {before}, then {message}");
        *told.entry(message).or_default() += 1;
    }
    for (message, rows) in &told {
        assert_eq!(facts_in(&messages[message]), *rows, "{}", messages[message].text);
    }
    // A message that no row knows was accepted, and its sender never learned it.
    let repeated: Vec<_> = messages.iter().filter(|(id, _)| !told.contains_key(*id)).collect();
    println!(
        "{} messages, {} of them repeated later ({} replies lost, {kills} senders killed), {} refused with 429",
        messages.len(),
        repeated.len(),
        stage.telegram.unconfirmed(),
        stage.telegram.refused(),
    );
    assert!(repeated.len() as u64 <= stage.telegram.unconfirmed() + kills, "{repeated:?}");
    assert_eq!(stage.telegram.over_limit(), 0, "Telegram never had to say 429 by itself");
    assert!(messages.values().any(|message| message.chat_id == "-7001"), "the supergroup was told");
}
