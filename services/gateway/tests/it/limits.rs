//! Limits per address and organisation, with Redis and without it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gateway::limits::Allowances;
use gateway::routes::Service;
use kernel::{Currency, OrganisationId, Slug};
use reqwest::Method;
use serde_json::json;
use testkit::Scene;

use crate::fake::Echo;
use crate::stage::{Gateway, NO_REDIS, UNLIMITED, behaviour};

fn gateway(services: &[(Service, &[SocketAddr])], allowances: Allowances, redis: &str) -> Gateway {
    let mut limited = behaviour();
    limited.allowances = allowances;
    Gateway::with(2, services, limited, redis, Vec::new())
}

async fn redis() -> String {
    devstack::shared_cluster().await.unwrap().redis_url.clone()
}

#[tokio::test]
async fn who_is_over_the_limit_gets_429_and_is_told_when_to_come_again() {
    let echo = Echo::start("catalog");
    let redis = redis().await;
    let address = Scene::own_address();
    // Two gateways count together.
    let services = [(Service::Catalog, &[echo.address][..])];
    let both = [(); 2].map(|()| gateway(&services, Allowances { address: 20, ..UNLIMITED }, &redis));
    let clients = both.each_ref().map(|gateway| gateway.anyone().from_address(address));
    for request in 0..20 {
        let reply = clients[request % 2].send(Method::GET, "/store/v1/acme/products", None).await;
        assert_eq!(reply.status, 200, "request {request}");
        assert_eq!(reply.header("ratelimit-policy"), Some("\"address\";q=20;w=60"));
        assert!(reply.header("ratelimit").is_some_and(|state| state.starts_with("\"address\";r=")));
    }
    for client in &clients {
        let refused = client.send(Method::GET, "/store/v1/acme/products", None).await;
        assert_eq!(refused.status, 429);
        assert_eq!(refused.json()["type"], "/problems/rate-limited");
        let seconds = refused.header("retry-after").unwrap();
        assert!((30..=61).contains(&seconds.parse::<u32>().unwrap()), "{seconds}");
        assert_eq!(refused.header("ratelimit"), Some(format!("\"address\";r=0;t={seconds}").as_str()));
    }
    // Another address is not concerned.
    let other = both[0].anyone().from_address(Scene::own_address());
    assert_eq!(other.get("/store/v1/acme/products").await.0, 200);
}

#[tokio::test]
async fn a_large_limit_is_drawn_in_lots_and_still_holds() {
    let echo = Echo::start("catalog");
    let gateway =
        gateway(&[(Service::Catalog, &[echo.address])], Allowances { address: 600, ..UNLIMITED }, &redis().await);
    let client = gateway.anyone().from_address(Scene::own_address());
    let begun = Instant::now();
    let mut allowed = 0;
    for _ in 0..800 {
        allowed += u32::from(client.get("/store/v1/acme/products").await.0 == 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "the machine was too slow to tell: {:?}", begun.elapsed());
    // What is left of the other worker's lots comes to nothing.
    assert!((580..=600).contains(&allowed), "{allowed} of 800 came through in {:?}", begun.elapsed());
}

#[tokio::test]
async fn many_at_once_get_no_more_than_the_policy_says() {
    let echo = Echo::start("catalog");
    let gateway =
        gateway(&[(Service::Catalog, &[echo.address])], Allowances { address: 600, ..UNLIMITED }, &redis().await);
    let address = Scene::own_address();
    let clients = (0..40).map(|_| {
        let client = gateway.anyone().from_address(address);
        async move {
            let mut allowed = 0;
            for _ in 0..40 {
                allowed += u32::from(client.get("/store/v1/acme/products").await.0 == 200);
            }
            allowed
        }
    });
    let allowed: u32 = futures::future::join_all(clients).await.into_iter().sum();
    assert!((570..=600).contains(&allowed), "{allowed} of 1600 came through");
}

#[tokio::test]
async fn no_period_sees_more_than_the_policy_says_and_the_headers_say_when_the_next_one_passes() {
    let echo = Echo::start("auth");
    let period = Duration::from_secs(3);
    let allowances = Allowances { login: 5, per: period, ..UNLIMITED };
    let redis = redis().await;
    let both = [(); 2].map(|()| gateway(&[(Service::Auth, &[echo.address])], allowances, &redis));
    let address = Scene::own_address();
    let clients = both.each_ref().map(|gateway| gateway.anyone().from_address(address));
    let (begun, mut passed, mut promised) = (Instant::now(), Vec::new(), None);
    while begun.elapsed() < Duration::from_secs(10) {
        let before = Instant::now();
        let reply = clients[passed.len() % 2].post_reply("/auth/v1/login", &json!({})).await;
        let after = Instant::now();
        assert_eq!(reply.header("ratelimit-policy"), Some("\"login\";q=5;w=3"));
        if reply.status == 429 {
            let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
            assert_eq!(reply.header("ratelimit"), Some(format!("\"login\";r=0;t={seconds}").as_str()));
            let wait = Duration::from_secs(1) * seconds;
            // Whole seconds are rounded up.
            let (_, latest) = *promised.get_or_insert((before + wait - Duration::from_secs(1), after + wait));
            assert!(before < latest, "it is still refused when it was said to pass");
            tokio::time::sleep(Duration::from_millis(20)).await;
        } else {
            assert_eq!(reply.status, 200);
            let early = promised.take().filter(|(earliest, _)| after < *earliest);
            assert_eq!(early, None, "it passed long before it was said to");
            passed.push((before, after));
        }
    }
    assert!(passed.len() >= 15, "only {} passed in ten seconds", passed.len());
    for six in passed.windows(6) {
        assert!(six[5].1 - six[0].0 >= period, "six passed within {:?}", six[5].1 - six[0].0);
    }
}

#[tokio::test]
async fn logging_in_is_limited_more_strictly_than_the_rest() {
    let echo = Echo::start("auth");
    let gateway = gateway(
        &[(Service::Auth, &[echo.address])],
        Allowances { address: 1_000, login: 3, ..UNLIMITED },
        &redis().await,
    );
    let client = gateway.anyone().from_address(Scene::own_address());
    for _ in 0..3 {
        assert_eq!(client.post("/auth/v1/login", &json!({})).await.0, 200);
    }
    let reply = client.post_reply("/auth/v1/login", &json!({})).await;
    assert_eq!((reply.status, reply.header("ratelimit-policy")), (429, Some("\"login\";q=3;w=60")));
    assert_eq!(client.get("/auth/v1/jwks").await.0, 200);
    assert_eq!(echo.count(), 4);
}

#[tokio::test]
async fn an_organisation_is_limited_over_all_its_addresses_shop_and_staff_together() {
    let echo = Echo::start("catalog");
    let services = [(Service::Catalog, &[echo.address][..])];
    let gateway = gateway(&services, Allowances { organisation: 4, ..UNLIMITED }, &redis().await);
    let (slug, currency) = (Slug::parse("acme").unwrap(), Currency::parse("USD").unwrap());
    let (organisation, guests, active) = (gateway.organisation, true, true);
    gateway.organisations.apply(access::Organisation { organisation, slug, currency, guests, active });
    for _ in 0..2 {
        assert_eq!(gateway.staff().from_address(Scene::own_address()).get("/admin/v1/products").await.0, 200);
        assert_eq!(gateway.anyone().from_address(Scene::own_address()).get("/store/v1/acme/products").await.0, 200);
    }
    let reply = gateway.anyone().send(Method::GET, "/store/v1/acme/products", None).await;
    assert_eq!((reply.status, reply.header("ratelimit-policy")), (429, Some("\"organisation\";q=4;w=60")));
    let other = gateway.mint.token(OrganisationId::new(), &[access::Role::Owner]);
    assert_eq!(testkit::Client::new(gateway.base(), Some(&other)).get("/admin/v1/products").await.0, 200);
}

#[tokio::test]
async fn without_redis_the_gateway_counts_by_itself_and_nobody_sees_a_5xx() {
    let echo = Echo::start("catalog");
    let services = [(Service::Catalog, &[echo.address][..])];
    let gateway = gateway(&services, Allowances { address: 50, organisation: 50, login: 50, ..UNLIMITED }, NO_REDIS);
    let client = gateway.anyone();
    let begun = Instant::now();
    let mut refused = 0;
    for _ in 0..80 {
        match client.get("/store/v1/acme/products").await.0 {
            200 => {}
            429 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert!(refused >= 15, "only {refused} of 80 were refused by a limit of 50");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
