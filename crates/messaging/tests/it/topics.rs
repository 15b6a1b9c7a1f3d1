//! Topics that somebody else has changed: no service starts on one, and the operator is told which and what to do.

use contracts::topics::ORDER;
use messaging::{Settings, TopicError, operations};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use testkit::{Scene, eventually};

use crate::scenery::scene;

/// Gives the topic of orders this retention, in milliseconds, and leaves its other settings as they are.
async fn keep_for(settings: &Settings, retention: &str) {
    let admin: AdminClient<DefaultClientContext> = settings.client().create().unwrap();
    let name = settings.topic_name(ORDER.name);
    let change = AlterConfig::new(ResourceSpecifier::Topic(&name))
        .set("cleanup.policy", "delete")
        .set("max.message.bytes", "1000012")
        .set("retention.ms", retention);
    let changed = admin.alter_configs([&change], &AdminOptions::new()).await.unwrap();
    assert!(changed.iter().all(Result::is_ok), "{changed:?}");
}

/// What `cyberctl topics` shows beside the topic of orders.
async fn problems(scene: &Scene) -> Vec<String> {
    let reports = operations::topics(&scene.messaging_of("cyberctl"), &[ORDER]).await.unwrap();
    reports.into_iter().find(|report| report.topic == ORDER.name).unwrap().problems
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_whose_retention_was_changed_is_refused_with_what_to_do_and_shown_to_the_operator() {
    let scene = scene().await;
    let settings = scene.messaging();
    scene.topics(contracts::topics::ALL).await;
    scene.topics(contracts::topics::ALL).await;
    assert!(problems(&scene).await.is_empty());

    keep_for(&settings, "7200000").await;
    let patience = std::time::Duration::from_secs(10);
    let refused =
        eventually(patience, async || messaging::ensure_topics(&settings, &[ORDER]).await.err()).await.to_string();
    let name = settings.topic_name(ORDER.name);
    for word in [&name, "retention.ms 7200000", "1209600000", "kafka-configs.sh"] {
        assert!(refused.contains(word), "{word} is missing: {refused}");
    }
    assert_eq!(problems(&scene).await, ["retention.ms is 7200000, declared is 1209600000"]);

    keep_for(&settings, "1209600000").await;
    eventually(patience, async || messaging::ensure_topics(&settings, &[ORDER]).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_another_number_of_partitions_is_refused() {
    let scene = scene().await;
    scene.topics(&[contracts::Topic { partitions: 2, ..ORDER }]).await;
    let refused = messaging::ensure_topics(&scene.messaging(), &[ORDER]).await.unwrap_err();
    assert!(matches!(refused, TopicError::Partitions { found: 2, expected: 12, .. }), "{refused}");
    assert_eq!(problems(&scene).await, ["2 partitions, declared are 12"]);
}
