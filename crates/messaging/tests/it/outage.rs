//! The broker away: it is said once, what cannot be sent holds up nothing else, and everything goes on when it is back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use devstack::{Kafka, Place};
use messaging::{Producer, Reachability, Relay, Settings, Subscriptions, dead_letter_header as header};
use testkit::{Working, eventually, read_topic};
use uuid::Uuid;

use crate::evolution::measured;
use crate::relay::CountUp;
use crate::scenery::{Behaviour, Member, TakeEffect, effects, logged, record, scene};

const PATIENCE: Duration = Duration::from_secs(40);
const LETTERS: &str = "order.order.v1.dlq.order";

/// Other tests of this process set it to 0 now and then; nobody else has an outage.
fn unreachable_seconds() -> f64 {
    let rendered = measured().render();
    let figure = rendered.lines().find_map(|line| line.strip_prefix("kafka_unreachable_seconds "));
    figure.map_or(f64::NAN, |seconds| seconds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_said_once_and_a_dead_letter_that_cannot_be_written_holds_a_lane_for_no_longer_than_an_attempt() {
    measured();
    let scene = scene().await;
    let mut kafka = Kafka::start(Place::temporary("kafka").unwrap()).await.unwrap();
    let settings = Settings { brokers: kafka.brokers(), ..scene.messaging() };
    messaging::ensure_topics(&settings, &[contracts::topics::ORDER]).await.unwrap();
    let relay = Relay::new(scene.database(), Producer::new(&settings).unwrap());
    let relay = Working::start(|stop| relay.run(stop));
    let (bad, good, counted) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let behaviour =
        Arc::new(Behaviour { impossible: Some(bad), delay: Duration::from_secs(1), ..Behaviour::default() });
    let seen = Arc::clone(&behaviour);
    let subscriptions =
        Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&seen) });
    let member = Member::join(settings.clone(), scene.mediator(), subscriptions).await;
    let reachability = Reachability::of(&settings);
    let outside = Producer::new(&Settings { service: "test".to_owned(), ..settings.clone() }).unwrap();
    outside.send(record(&scene, good, 1)).await.unwrap();
    eventually(PATIENCE, async || effects(&scene).await.len() == 1).await;
    assert_eq!(reachability.outage(), None);

    // The member has a record in hand that will have to be set aside when the broker dies.
    for (key, version) in [(good, 2), (bad, 1)] {
        outside.send(record(&scene, key, version)).await.unwrap();
    }
    eventually(PATIENCE, async || behaviour.hopeless.load(Ordering::SeqCst) > 0).await;
    kafka.server.kill().await;
    let scope = mediator::Scope::system("test", scene.organisation());
    scene.mediator().send(&scope, CountUp { aggregate: counted, wait_seconds: 0.0 }).await.unwrap();
    eventually(PATIENCE, async || member.state().is_blocked()).await;
    let brokers = kafka.brokers();
    // Two services have clients of this broker: the one of this test, and the one outside.
    let warned = || logged("WARN", &["Kafka has not answered since", &brokers]);
    eventually(PATIENCE, async || warned() == 2).await;
    eventually(PATIENCE, async || unreachable_seconds() > 0.0).await;
    assert!(reachability.outage().unwrap().starts_with("Kafka has not answered since "));
    eventually(PATIENCE, async || logged("ERROR", &["the broker does not take events"]) == 1).await;

    kafka.server.restart().await.unwrap();
    let back = || logged("INFO", &["Kafka answers again", &brokers]);
    eventually(PATIENCE, async || back() == 2).await;
    eventually(PATIENCE, async || unreachable_seconds() < 1e-9).await;
    assert_eq!(reachability.outage(), None);
    eventually(PATIENCE, async || !member.state().is_blocked()).await;
    outside.send(record(&scene, good, 3)).await.unwrap();
    eventually(PATIENCE, async || effects(&scene).await.contains(&(good, 3))).await;
    let of_good: Vec<_> = effects(&scene).await.into_iter().filter(|(key, _)| *key == good).collect();
    assert_eq!(of_good, [(good, 1), (good, 2), (good, 3)]);
    let records = read_topic(&settings, contracts::topics::ORDER.name).await;
    assert!(records.iter().any(|record| record.key_text() == counted.to_string()), "the relay has not gone on");
    let letters = read_topic(&settings, LETTERS).await;
    let told: Vec<_> = letters.iter().map(|letter| (letter.key_text(), letter.header(header::KIND))).collect();
    assert_eq!(told, [(bad.to_string(), Some("permanent"))], "once, however many attempts there were");
    assert_eq!((warned(), back()), (2, 2));
    member.stop(PATIENCE).await;
    relay.stop(PATIENCE).await;
}
