//! Services that are started before what they stand on: they wait, say for what, and are not ready meanwhile.

use devstack::services::schemas;
use e2e::{PATIENCE, Store, alone};
use testkit::{Client, eventually};

use crate::WISHES;

/// What each service waits for while there is no broker, in the words of `/readyz`.
const BROKER: [(&str, &str); 6] = [
    ("auth", "kafka topics"),
    ("category", "kafka topics"),
    ("catalog", "kafka topics"),
    ("order", "kafka topics"),
    ("notifier", "kafka topics"),
    ("gateway", "keys and organisations"),
];

/// Waits until the first replica of `service` says over HTTP and in its log that it waits for `part`, and why.
async fn waits_for(store: &mut Store, service: &str, part: &str) {
    let replica = store.replica(service, 1);
    let (internal, log) = (Client::new(replica.internal_url(), None), replica.log().to_owned());
    eventually(PATIENCE, async || {
        let (status, report) = internal
            .try_send("GET".parse().unwrap(), "/readyz", None)
            .await
            .map_or_else(|error| (0, error.to_string()), |reply| (reply.status, reply.text()));
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let waits = status == 503 && report.contains(&format!("\"name\":\"{part}\""));
        if waits && said.contains(&format!("waiting for {part}: ")) { Ok(()) } else { Err((status, report)) }
    })
    .await;
    let reply = internal.try_send("GET".parse().unwrap(), "/livez", None).await.unwrap();
    assert_eq!(reply.status, 200, "{service} waits, so it lives");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_started_before_its_database_and_its_broker_waits_for_both() {
    let mut store = alone(&WISHES).await;
    let servers = store.servers.as_mut().unwrap();
    servers.kafka.server.kill().await;
    servers.postgres.server.kill().await;
    for (service, _) in BROKER {
        // Its log of before is full of other words about waiting.
        let replica = store.replica(service, 1);
        replica.kill().await;
        std::fs::write(replica.log(), "").unwrap();
        replica.restart().await.unwrap();
    }
    for service in schemas() {
        waits_for(&mut store, service, "database").await;
    }
    waits_for(&mut store, "gateway", "keys and organisations").await;

    store.servers.as_mut().unwrap().postgres.server.restart().await.unwrap();
    for (service, part) in BROKER {
        waits_for(&mut store, service, part).await;
    }

    store.servers.as_mut().unwrap().kafka.server.restart().await.unwrap();
    for (service, _) in BROKER {
        store.replica(service, 1).ready_within(PATIENCE).await.unwrap();
    }
    store.settled().await;
}
