//! The README and the configuration say the same, wrong variables are reported all at once, and who is trusted to name
//! clients is a matter of configuration.

use gateway::routes::Service;
use reqwest::Method;
use service::config::Reader;
use service::settings::variables;
use testkit::Scene;
use testkit::documents::assert_names_variables;

use crate::fake::{Echo, received};
use crate::stage::{Gateway, NO_REDIS, UNLIMITED, behaviour};

#[test]
fn the_readme_lists_every_variable_that_is_read() {
    assert_names_variables(include_str!("../../README.md"), &variables(gateway::read));
}

#[test]
fn every_bad_variable_is_reported_at_once() {
    let mut reader = Reader::from_pairs([
        ("AUTH_URLS", "localhost:1"),
        ("CATEGORY_URLS", "http://category:1"),
        ("CATALOG_URLS", "https://catalog:1"),
        ("ORDER_URLS", "http://order:1,http://order:2"),
        ("NOTIFIER_URLS", "http://notifier:1"),
        ("LIMIT_ADDRESS_PER_MINUTE", "-1"),
        ("ANSWER_SECONDS", "soon"),
        ("REDIS_URL", "localhost:6379 hunter2"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ]);
    assert!(gateway::read(&mut reader).is_none());
    let faulty: Vec<_> = reader.faults().iter().map(|fault| fault.name.as_str()).collect();
    for name in [
        "AUTH_URLS",
        "CATALOG_URLS",
        "LIMIT_ADDRESS_PER_MINUTE",
        "ANSWER_SECONDS",
        "KAFKA_BROKERS",
        "REDIS_URL",
        "TRUSTED_PROXIES",
    ] {
        assert!(faulty.contains(&name), "{name} is not among {faulty:?}");
    }
    assert!(!format!("{:?}", reader.faults()).contains("hunter2"), "{:?}", reader.faults());
    assert!(!faulty.contains(&"ORDER_URLS") && !faulty.contains(&"CATEGORY_URLS"), "{faulty:?}");
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_apart_and_nobody_else_can_choose_an_address() {
    let echo = Echo::start("catalog");
    let (proxy, stranger) = (Scene::own_address(), Scene::own_address());
    let mut limited = behaviour();
    limited.allowances = gateway::limits::Allowances { address: 1, ..UNLIMITED };
    let trusted = vec![proxy.to_string().parse().unwrap()];
    // One worker, because without Redis each counts for itself.
    let gateway = Gateway::with(1, &[(Service::Catalog, &[echo.address])], limited, NO_REDIS, trusted);
    let ask = async |from, said: &str| {
        let client = gateway.anyone().from_address(from).with("x-forwarded-for", said);
        let reply = client.send(Method::GET, "/store/v1/acme/products", None).await;
        let stated = (reply.status == 200).then(|| received(&reply.json(), "x-forwarded-for").map(str::to_owned));
        (reply.status, stated.flatten())
    };
    assert_eq!(ask(proxy, "6.6.6.6, 203.0.113.7").await, (200, Some("203.0.113.7".to_owned())));
    assert_eq!(ask(proxy, "9.9.9.9, 203.0.113.7").await.0, 429, "another first entry is the same client");
    assert_eq!(ask(proxy, "203.0.113.8").await, (200, Some("203.0.113.8".to_owned())));
    assert_eq!(ask(stranger, "203.0.113.9").await, (200, Some(stranger.to_string())));
    assert_eq!(ask(stranger, "203.0.113.10").await.0, 429, "a stranger stays a stranger");
}
