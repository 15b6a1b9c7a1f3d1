//! A member of the group whose whole process is stopped, as by SIGSTOP or a machine that is paused, while partitions change
//! their owner: the others get them, and nothing is lost or done twice, also when it wakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use devstack::process::{Launch, Signal};
use devstack::temporary_folder;
use mediator::Mediator;
use messaging::{Outgoing, Settings, Subscriptions};
use persistence::Database;
use testkit::{Scene, eventually};
use uuid::Uuid;

use crate::consumers::{assert_once_and_in_order, history};
use crate::scenery::{Behaviour, Member, TakeEffect, effects, record, scene};

const PATIENCE: Duration = Duration::from_secs(60);
/// Tells the other process what it is a member of: brokers, namespace, both URLs, its folder.
const VARIABLES: [&str; 5] = ["MEMBER_BROKERS", "MEMBER_NAMESPACE", "MEMBER_URL", "MEMBER_SYSTEM_URL", "MEMBER_FOLDER"];

fn subscriptions() -> Subscriptions {
    let behaviour = Arc::new(Behaviour::default());
    Subscriptions::new("order").on_batch(move |events| TakeEffect { events, behaviour: Arc::clone(&behaviour) })
}

/// Written when the first batch is committed and its offsets are not.
fn committed(folder: &Path) -> PathBuf {
    folder.join("committed")
}

/// Written when it may store them.
fn goes_on(folder: &Path) -> PathBuf {
    folder.join("goes-on")
}

/// The process that the test below starts and stops. Nobody else tells it what it is a member of.
#[tokio::test(flavor = "multi_thread")]
async fn the_member_that_is_stopped() {
    let Ok(values) = VARIABLES.iter().map(std::env::var).collect::<Result<Vec<_>, _>>() else { return };
    let [brokers, namespace, url, system_url, folder] = values.try_into().unwrap();
    let settings = Settings { brokers, namespace, service: "order".to_owned() };
    let database = persistence::Settings {
        url,
        system_url,
        schema: "order".to_owned(),
        write_connections: 4,
        read_connections: 2,
    };
    let folder = PathBuf::from(folder);
    let held = subscriptions().between_commit_and_offset(move || {
        std::fs::write(committed(&folder), "").unwrap();
        while !goes_on(&folder).exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let _member = Member::join(settings, Mediator::new(Database::open(database)), held).await;
    std::future::pending::<()>().await;
}

async fn next_version(scene: &Scene, version: i64) {
    let more: Vec<Outgoing> = (1..=30).map(|aggregate| record(scene, Uuid::from_u128(aggregate), version)).collect();
    scene.send(&more).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_stopped_while_another_one_joins_loses_its_partitions_and_nothing_is_done_twice() {
    let scene = scene().await;
    scene.topics(&[contracts::topics::ORDER]).await;
    scene.send(&history(&scene, 30, 4)).await;
    let folder = temporary_folder("stopped-member").unwrap();
    let (kafka, database) = (scene.messaging(), scene.settings());
    let told = folder.display().to_string();
    let values = [&kafka.brokers, &kafka.namespace, &database.url, &database.system_url, &told];
    let launch = Launch::new("member", std::env::current_exe().unwrap(), &folder);
    let launch = ["--exact", "stopped::the_member_that_is_stopped"].into_iter().fold(launch, Launch::argument);
    let launch = VARIABLES.iter().zip(values).fold(launch, |launch, (name, value)| launch.variable(*name, value));
    let mut stopped = launch.start().unwrap();
    eventually(PATIENCE, async || committed(&folder).exists()).await;
    let taken = effects(&scene).await.len();
    assert!(taken > 0, "it has committed nothing, so nothing could be done twice");

    // It has a batch in hand, so it gives nothing away when the other one comes; then it cannot any more.
    next_version(&scene, 5).await;
    let other = Member::join(kafka, scene.mediator(), subscriptions()).await;
    stopped.signal(Signal::SIGSTOP);
    eventually(PATIENCE, async || effects(&scene).await.len() >= 150).await;
    assert_once_and_in_order(&effects(&scene).await, 30, 5);

    std::fs::write(goes_on(&folder), "").unwrap();
    stopped.signal(Signal::SIGCONT);
    next_version(&scene, 6).await;
    eventually(PATIENCE, async || effects(&scene).await.len() >= 180).await;
    assert!(stopped.is_alive(), "it did not outlive the loss of its partitions");
    other.stop(Duration::from_secs(10)).await;
    // Alone, it gets everything back.
    next_version(&scene, 7).await;
    eventually(PATIENCE, async || effects(&scene).await.len() >= 210).await;
    assert_once_and_in_order(&effects(&scene).await, 30, 7);
    stopped.stop(Signal::SIGKILL, PATIENCE).await;
}
