//! The program as an operator runs it, with a real broker and with replicas that answer like real ones.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod status;

use std::process::Output;

use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use messaging::Outgoing;
use serde_json::Value;
use testkit::Scene;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A scene needs a schema; nothing here uses it.
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

/// Runs the program with these variables and no others.
async fn cyberctl(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_cyberctl"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .await
        .unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{} {}", text(&output.stdout), text(&output.stderr)))
}

/// A replica whose internal port answers a request by its first line.
async fn replica(answer: fn(&str) -> (u16, &'static str)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let line = text(&request[..read]).lines().next().unwrap_or_default().to_owned();
                let (status, body) = answer(&line);
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _gone = stream.write_all(format!("{head}{body}").as_bytes()).await;
            });
        }
    });
    address
}

fn well(line: &str) -> (u16, &'static str) {
    match line {
        "GET /readyz HTTP/1.1" => (200, r#"{"ready":true,"phase":"serving","waiting":[]}"#),
        "GET /metrics HTTP/1.1" => (
            200,
            "consumer_lag{topic=\"a\"} 3\nconsumer_lag{topic=\"b\"} 4\noutbox_rows 5\noutbox_parked_aggregates 0\n",
        ),
        "POST /rebuild/sellable-products HTTP/1.1" => (200, r#"{"rows":12}"#),
        "POST /retry/failed-deliveries HTTP/1.1" => (200, r#"{"rows":3}"#),
        _ => (404, r#"{"error":"there is no such rebuild"}"#),
    }
}

fn waiting(line: &str) -> (u16, &'static str) {
    match line {
        "GET /readyz HTTP/1.1" => {
            (503, r#"{"ready":false,"phase":"starting","waiting":[{"name":"database","reason":"refused"}]}"#)
        }
        _ => (404, ""),
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_panic() {
    let program = env!("CARGO_BIN_EXE_cyberctl");
    let mut command = tokio::process::Command::new("sh");
    let services = format!("order={}", replica(well).await);
    command.args(["-c", &format!("'{program}' status --json | true")]).env("SERVICES_INTERNAL", services);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().await.unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn topics_and_dead_letters_are_shown_and_nothing_is_done_without_yes() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let kafka = scene.messaging();
    scene.topics(topics::ALL).await;
    let variables = [("KAFKA_BROKERS", kafka.brokers.as_str()), ("KAFKA_NAMESPACE", kafka.namespace.as_str())];
    let output = cyberctl(&["topics", "--json"], &variables).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rows = json(&output);
    assert_eq!(rows.as_array().unwrap().len(), topics::ALL.len());
    assert!(rows.as_array().unwrap().iter().all(|row| row["problems"].as_array().unwrap().is_empty()));

    // The group `catalog` could not process a record of order's topic.
    let dead = contracts::Topic { name: "order.order.v1.dlq.catalog", partitions: 1, ..topics::ORDER };
    scene.topics(&[dead]).await;
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    scene
        .send(&[Outgoing {
            topic: dead.name.to_owned(),
            key: Some(b"key-1".to_vec()),
            payload: Some(b"{}".to_vec()),
            headers: vec![
                header("ce_id", "evt_1"),
                header("dlq.kind", "permanent"),
                header("dlq.error", "because"),
                header("dlq.partition", "3"),
                header("dlq.offset", "17"),
            ],
        }])
        .await;
    let list = cyberctl(&["dlq", "list", "--json"], &variables).await;
    assert_eq!(list.status.code(), Some(1), "something is pending");
    assert_eq!(json(&list)[0]["pending"], 1);
    // The group did not create the topic, and it keeps its records for too short a time.
    let differs = cyberctl(&["topics"], &variables).await;
    assert_eq!(differs.status.code(), Some(1));
    let said = "retention.ms is 1209600000, declared is 2592000000";
    assert!(text(&differs.stdout).contains(said), "{}", text(&differs.stdout));
    let show = text(&cyberctl(&["dlq", "show", "catalog"], &variables).await.stdout);
    assert!(show.contains("because") && show.contains("order.order.v1 3/17"), "{show}");

    let dry = cyberctl(&["dlq", "redrive", "catalog", "--json"], &variables).await;
    assert_eq!((&json(&dry)["action"], &json(&dry)["records"]), (&"would redrive".into(), &1.into()));
    let dry = cyberctl(&["dlq", "redrive", "catalog", "--discard", "--json"], &variables).await;
    assert_eq!((&json(&dry)["discarded"], &json(&dry)["records"]), (&1.into(), &0.into()));
    assert_eq!(json(&cyberctl(&["dlq", "list", "--json"], &variables).await)[0]["pending"], 1, "nothing was done");
    assert!(scene.read("order.order.v1").await.is_empty());

    // No group reads it: the program says so, and the record is on its topic again, marked for its group.
    let done = cyberctl(&["dlq", "redrive", "catalog", "--yes", "--wait", "0", "--json"], &variables).await;
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(json(&done)["taken"], false);
    let back = scene.read("order.order.v1").await;
    assert_eq!((back.len(), back[0].partition, back[0].payload.as_deref()), (1, 3, Some(&b"{}"[..])));
    let names: Vec<&str> = back[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ce_id", "dlq-redrive", "dlq-from", "dlq-until", "dlq-unpark"]);
    assert_eq!(json(&cyberctl(&["dlq", "list", "--json"], &variables).await)[0]["pending"], 0);
}

#[tokio::test]
async fn a_rebuild_prints_rows_and_an_unknown_service_is_named() {
    let services = format!("order={}", replica(well).await);
    let variables = [("SERVICES_INTERNAL", services.as_str())];
    let output = cyberctl(&["rebuild", "order", "sellable-products"], &variables).await;
    assert!(
        text(&output.stdout).starts_with("Rebuilt sellable-products of order: 12 rows in "),
        "{}",
        text(&output.stdout)
    );
    // Where one replica is down, the next one is asked.
    let services = format!("order=http://127.0.0.1:1,{services}");
    let output = cyberctl(&["rebuild", "order", "sellable-products"], &[("SERVICES_INTERNAL", &services)]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let refused = cyberctl(&["rebuild", "order", "nonsense"], &variables).await;
    assert_eq!(refused.status.code(), Some(69));
    assert!(text(&refused.stderr).contains("404"), "{}", text(&refused.stderr));
    let unknown = cyberctl(&["rebuild", "orders", "x"], &variables).await;
    assert_eq!(unknown.status.code(), Some(78));
    assert!(text(&unknown.stderr).contains("it names order"), "{}", text(&unknown.stderr));
}

#[tokio::test]
async fn a_retry_is_done_by_the_service_that_has_it() {
    let (other, notifier) = (replica(waiting).await, replica(well).await);
    let services = format!("order={other},order={other},notifier=http://127.0.0.1:1,notifier={notifier}");
    let variables = [("SERVICES_INTERNAL", services.as_str())];
    let found = cyberctl(&["retry", "failed-deliveries", "--json"], &variables).await;
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    let report = json(&found);
    assert_eq!(
        (&report["service"], &report["name"], &report["rows"]),
        (&"notifier".into(), &"failed-deliveries".into(), &3.into())
    );
    let named = cyberctl(&["retry", "failed-deliveries", "--service", "notifier"], &variables).await;
    let said = text(&named.stdout);
    assert!(said.starts_with("Retried failed-deliveries of notifier: 3 rows in "), "{said}");
    let wrong = cyberctl(&["retry", "failed-deliveries", "--service", "order"], &variables).await;
    assert_eq!(wrong.status.code(), Some(69));
    let unknown = cyberctl(&["retry", "nonsense"], &variables).await;
    assert_eq!(unknown.status.code(), Some(69));
    assert!(text(&unknown.stderr).contains("asked were order, notifier"), "{}", text(&unknown.stderr));
    // A service that cannot be asked may be the one that has it.
    let down = [("SERVICES_INTERNAL", "notifier=http://127.0.0.1:1")];
    let away = cyberctl(&["retry", "failed-deliveries"], &down).await;
    assert!(text(&away.stderr).contains("does not answer"), "{}", text(&away.stderr));
}

#[tokio::test]
async fn a_missing_variable_is_explained_and_a_broker_that_is_away_does_not_hang() {
    let output = cyberctl(&["topics"], &[]).await;
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("KAFKA_BROKERS is not set"), "{}", text(&output.stderr));
    let away = cyberctl(&["topics"], &[("KAFKA_BROKERS", "127.0.0.1:1")]).await;
    assert_eq!(away.status.code(), Some(69));
    assert!(text(&away.stderr).contains("is KAFKA_BROKERS right"), "{}", text(&away.stderr));
}

#[tokio::test]
async fn a_secret_that_is_set_twice_is_refused_and_the_help_says_what_is_read() {
    let arguments = "organisation create --slug a --name A --currency USD --owner-email a@a.example --owner-name A";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let variables =
        [("GATEWAY_URL", "http://127.0.0.1:1"), ("SETUP_TOKEN", "token"), ("SETUP_TOKEN_FILE", "/no/such/file")];
    let twice = cyberctl(&arguments, &variables).await;
    assert_eq!(twice.status.code(), Some(78));
    assert!(text(&twice.stderr).contains("SETUP_TOKEN_FILE is set as well"), "{}", text(&twice.stderr));
    let help = text(&cyberctl(&["--help"], &[]).await.stdout);
    let names =
        ["KAFKA_BROKERS", "KAFKA_NAMESPACE", "SERVICES_INTERNAL", "GATEWAY_URL", "SETUP_TOKEN", "OWNER_PASSWORD"];
    for word in names.into_iter().chain(["78"]) {
        assert!(help.contains(word), "{word} is missing: {help}");
    }
}
