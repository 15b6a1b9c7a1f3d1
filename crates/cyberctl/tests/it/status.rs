//! `status`, and which stack it is asked of.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::Scene;
use tokio::net::TcpListener;

use crate::{MIGRATIONS, cyberctl, json, replica, text, waiting, well};

fn parked(line: &str) -> (u16, &'static str) {
    match line {
        "GET /metrics HTTP/1.1" => (200, "outbox_rows 5\noutbox_parked_aggregates 2\n"),
        _ => well(line),
    }
}

#[tokio::test]
async fn status_shows_every_replica_and_what_it_waits_for() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let kafka = scene.messaging();
    let services = format!("order={},auth={}", replica(well).await, replica(waiting).await);
    let variables = [
        ("SERVICES_INTERNAL", services.as_str()),
        ("KAFKA_BROKERS", kafka.brokers.as_str()),
        ("KAFKA_NAMESPACE", kafka.namespace.as_str()),
    ];
    let output = cyberctl(&["status", "--json"], &variables).await;
    assert_eq!(output.status.code(), Some(1), "one is not ready");
    let rows = json(&output);
    assert_eq!((&rows[0]["ready"], &rows[0]["lag"], &rows[0]["outbox"]), (&true.into(), &7.0.into(), &5.0.into()));
    assert_eq!(rows[0]["dead_letters"], 0);
    assert_eq!((&rows[1]["ready"], &rows[1]["reason"]), (&false.into(), &"database: refused".into()));
    assert_eq!((&rows[0]["parked"], &rows[1]["parked"]), (&0.0.into(), &Value::Null));
    assert_eq!(rows[1]["lag"], Value::Null, "an unknown number is not zero");

    let table = cyberctl(&["status"], &variables).await;
    assert!(text(&table.stdout).contains("no: database: refused"), "{}", text(&table.stdout));
}

#[tokio::test]
async fn a_parked_aggregate_is_shown_and_not_well() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let kafka = scene.messaging();
    let variables = [("KAFKA_BROKERS", kafka.brokers.as_str()), ("KAFKA_NAMESPACE", kafka.namespace.as_str())];
    let status = async |services: String| {
        let services = [("SERVICES_INTERNAL", services.as_str())];
        cyberctl(&["status"], &[&variables[..], &services[..]].concat()).await
    };
    let fine = status(format!("order={}", replica(well).await)).await;
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine.stdout));
    let output = status(format!("order={}", replica(parked).await)).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("Parked aggregates"), "{}", text(&output.stdout));
}

fn behind(line: &str) -> (u16, &'static str) {
    match line {
        "GET /metrics HTTP/1.1" => (200, "consumer_lag{topic=\"a\"} 0\noutbox_rows 6\noutbox_oldest_seconds 32.8\n"),
        _ => well(line),
    }
}

fn without_kafka(line: &str) -> (u16, &'static str) {
    match line {
        "GET /metrics HTTP/1.1" => {
            (200, "consumer_lag{topic=\"a\"} 0\noutbox_rows 0\noutbox_oldest_seconds 0\nkafka_unreachable_seconds 85\n")
        }
        _ => well(line),
    }
}

fn missing_something(line: &str) -> (u16, &'static str) {
    match line {
        "GET /readyz HTTP/1.1" => (
            200,
            r#"{"ready":true,"phase":"serving","waiting":[],"away":[{"name":"kafka","reason":"no answer since 12:00:00"}]}"#,
        ),
        _ => well(line),
    }
}

#[tokio::test]
async fn an_outbox_that_waits_and_a_broker_that_a_replica_misses_are_shown_and_not_well() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let kafka = scene.messaging();
    let variables = [("KAFKA_BROKERS", kafka.brokers.as_str()), ("KAFKA_NAMESPACE", kafka.namespace.as_str())];
    let status = async |arguments: &[&str], replica: String| {
        let services = format!("order={replica}");
        cyberctl(arguments, &[&variables[..], &[("SERVICES_INTERNAL", services.as_str())]].concat()).await
    };
    let output = status(&["status"], replica(behind).await).await;
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(table.contains("OLDEST") && table.contains("33 s"), "{table}");
    assert!(table.contains("have waited in an outbox for more than 10 s"), "{table}");

    let output = status(&["status", "--json"], replica(without_kafka).await).await;
    assert_eq!(output.status.code(), Some(1));
    let rows = json(&output);
    assert_eq!((&rows[0]["kafka_unreachable_seconds"], &rows[0]["oldest_seconds"]), (&85.0.into(), &0.0.into()));
    assert_eq!(rows[0]["lag"], Value::Null, "a lag that was read before the broker went is not known");
    let table = text(&status(&["status"], replica(without_kafka).await).await.stdout);
    assert!(table.contains("yes, without kafka: no answer for 85 s"), "{table}");

    let output = status(&["status"], replica(missing_something).await).await;
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(table.contains("yes, without kafka: no answer since 12:00:00"), "{table}");
}

/// An address that takes connections and never says a word, as a server that hangs.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[tokio::test]
async fn with_kafka_away_or_silent_every_command_says_so_within_three_seconds() {
    let (_hangs, silent_kafka) = silent().await;
    let (_hangs_too, silent_replica) = silent().await;
    let services = format!("order={},auth=http://{silent_replica}", replica(well).await);
    for brokers in ["127.0.0.1:1", &silent_kafka] {
        let variables = [("SERVICES_INTERNAL", services.as_str()), ("KAFKA_BROKERS", brokers)];
        for (arguments, code) in [(&["status", "--json"][..], 1), (&["topics"], 69), (&["dlq", "list"], 69)] {
            let begun = Instant::now();
            let output = cyberctl(arguments, &variables).await;
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(3), "{arguments:?} with Kafka at {brokers} took {took:?}");
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stderr));
            if code == 1 {
                let rows = json(&output);
                let unknown = [&rows[0]["lag"], &rows[0]["dead_letters"], &rows[1]["lag"], &rows[1]["dead_letters"]];
                assert_eq!(unknown, [&Value::Null; 4]);
                assert_eq!((&rows[0]["ready"], &rows[1]["ready"]), (&true.into(), &false.into()));
            } else {
                assert!(text(&output.stderr).contains("is KAFKA_BROKERS right"), "{}", text(&output.stderr));
            }
        }
    }
}

#[tokio::test]
async fn the_stack_of_dev_dir_is_asked_and_named() {
    let folder = std::env::temp_dir().join(format!("cyberctl-{}", std::process::id()));
    for (name, rows) in [(".dev", well as fn(&str) -> _), ("two", parked)] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        let (_silent, brokers) = silent().await;
        let services = format!("order={}", replica(rows).await);
        let lines = format!(
            "GATEWAY_URL=http://{name}.example\nexport KAFKA_BROKERS={brokers}\nSERVICES_INTERNAL={services}\n"
        );
        std::fs::write(folder.join(name).join("env"), lines).unwrap();
    }
    let ask = async |variables: &[(&str, &str)]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cyberctl"));
        command.args(["status", "--json"]).env_clear().envs(variables.iter().copied()).current_dir(&folder);
        command.output().await.unwrap()
    };
    let usual = ask(&[("GATEWAY_URL", "http://else.example")]).await;
    let said = text(&usual.stderr);
    assert!(said.contains("stack of .dev/env: gateway http://else.example"), "{said}");
    assert!(said.contains("the environment has another value of GATEWAY_URL, which counts"), "{said}");
    assert_eq!(json(&usual)[0]["parked"], 0.0);

    let second = ask(&[("DEV_DIR", "two")]).await;
    let said = text(&second.stderr);
    assert!(said.contains("stack of two/env: gateway http://two.example"), "{said}");
    assert_eq!(json(&second)[0]["parked"], 2.0);

    // A shell that has read the first stack's file must not lead the second one's commands to the first.
    let mixed = ask(&[("DEV_DIR", "two"), ("KAFKA_BROKERS", "127.0.0.1:1")]).await;
    assert_eq!(mixed.status.code(), Some(78));
    assert!(text(&mixed.stderr).contains("the environment has another KAFKA_BROKERS"), "{}", text(&mixed.stderr));

    // A folder without a stack is a mistake; the commands do not go elsewhere.
    let missing = ask(&[("DEV_DIR", "three"), ("KAFKA_BROKERS", "127.0.0.1:1")]).await;
    assert_eq!(missing.status.code(), Some(78));
    assert!(text(&missing.stderr).contains("three/env cannot be read"), "{}", text(&missing.stderr));
    std::fs::remove_dir_all(&folder).unwrap();
}
