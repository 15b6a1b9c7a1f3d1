//! What changes while tokens are out: signing keys rotate without a failed request, and an ended session, a change of roles
//! and a revoked API key count at every gateway. The time until they do is printed; the test does not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use e2e::{PASSWORD, PATIENCE, Shop, Store, together};
use serde_json::{Value, json};
use testkit::{Client, Scene, eventually};

use crate::WISHES;

const PRODUCTS: &str = "/admin/v1/products";

/// Requests that go on until they are stopped, by clients that each have their credential.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    /// Every client reads products at its gateway; what is not 200 is kept.
    fn start(clients: Vec<Client>) -> Load {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = clients.into_iter().map(|client| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let (status, body) = client.get(PRODUCTS).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                    if status != 200 {
                        failed.push(format!("{status} {body}"));
                    }
                }
                failed
            })
        });
        let clients = clients.collect();
        Load { stop, answered, clients }
    }

    /// Refreshes all the time, and asks every gateway with each new token.
    fn refresh(&mut self, gateways: Vec<String>, mut token: Value) {
        let (stop, answered) = (Arc::clone(&self.stop), Arc::clone(&self.answered));
        let client = Client::new(&gateways[0], None).from_address(Scene::own_address());
        self.clients.push(tokio::spawn(async move {
            let mut failed = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let (status, next) = client.post("/auth/v1/refresh", &json!({"refresh_token": token})).await;
                if status != 200 {
                    failed.push(format!("refreshing: {status} {next}"));
                    return failed;
                }
                token = next["refresh_token"].clone();
                for gateway in &gateways {
                    let bearer = Client::new(gateway, next["access_token"].as_str()).from_address(Scene::own_address());
                    let (status, body) = bearer.get(PRODUCTS).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                    if status != 200 {
                        failed.push(format!("with a new token: {status} {body}"));
                    }
                }
            }
            failed
        }));
    }

    /// How many requests were answered, and what went wrong.
    async fn stop(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for client in self.clients {
            failed.extend(client.await.unwrap());
        }
        (self.answered.load(Ordering::Relaxed), failed)
    }
}

/// The owner at every gateway.
fn owner_everywhere(store: &Store, token: &str) -> Vec<Client> {
    let address = Scene::own_address();
    store.gateways().iter().map(|gateway| Client::new(gateway, Some(token)).from_address(address)).collect()
}

fn kid(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

/// Waits until every one of these clients gets this status; the time until the last one did.
async fn until_everywhere(clients: &[Client], expected: u16) -> Duration {
    let begun = Instant::now();
    for client in clients {
        eventually(PATIENCE, async || {
            let (status, body) = client.get(PRODUCTS).await;
            if status == expected { Ok(()) } else { Err(format!("{status} {body}")) }
        })
        .await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_rotate_under_load_without_a_failed_request() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "rotating").await;
    let gateway = store.gateways()[0].clone();
    let operator = Client::new(&gateway, Some(&store.operator().await));
    let first = shop.log_in(&gateway).await;
    let mut load = Load::start([owner_everywhere(&store, &first), owner_everywhere(&store, &first)].concat());
    let (status, session) = Client::new(&gateway, None).post("/auth/v1/login", &shop.credentials()).await;
    assert_eq!(status, 200, "{session}");
    load.refresh(store.gateways(), session["refresh_token"].clone());
    let mut kids = vec![kid(&first)];
    let visitor = Client::new(&gateway, None).from_address(Scene::own_address());
    let (_, mut polled) = visitor.post("/auth/v1/login", &shop.credentials()).await;
    for _ in 0..2 {
        let begun = Instant::now();
        let (status, keys) = operator.post("/platform/v1/signing-keys/rotate", &json!({})).await;
        assert_eq!(status, 200, "{keys}");
        let (next, token) = loop {
            assert!(begun.elapsed() < PATIENCE, "no other key signs");
            (_, polled) = visitor.post("/auth/v1/refresh", &json!({"refresh_token": polled["refresh_token"]})).await;
            let token = polled["access_token"].as_str().unwrap().to_owned();
            let next = kid(&token);
            if !kids.contains(&next) {
                break (next, token);
            }
        };
        println!("the next key signs {:?} after the rotation was asked for (6 s of notice)", begun.elapsed());
        for client in owner_everywhere(&store, &token) {
            let (status, body) = client.get(PRODUCTS).await;
            assert_eq!(status, 200, "a token of the new key: {body}");
        }
        kids.push(next);
    }
    let (_, keys) = operator.get("/.well-known/jwks.json").await;
    let published: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert!(kids.iter().all(|kid| published.contains(kid)), "{kids:?} in {published:?}");
    let (answered, failed) = load.stop().await;
    println!("{answered} requests during two rotations, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:?}");
    assert!(answered > 100, "{answered}");
    assert_eq!(shop.owner.post("/platform/v1/signing-keys/rotate", &json!({})).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_a_change_and_a_revocation_count_at_every_gateway() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "standing").await;
    let gateway = store.gateways()[0].clone();
    let load = Load::start(owner_everywhere(&store, &shop.token));

    let (status, sent) =
        shop.owner.post("/admin/v1/invitations", &json!({"email": member(&shop), "roles": ["viewer"]})).await;
    assert_eq!(status, 201, "{sent}");
    let visitor = Client::new(&gateway, None);
    let joining = json!({"token": sent["token"], "name": "Bob", "password": PASSWORD});
    let (status, bob) = visitor.post("/auth/v1/invitations/accept", &joining).await;
    assert_eq!(status, 200, "{bob}");
    let everywhere = owner_everywhere(&store, bob["access_token"].as_str().unwrap());
    until_everywhere(&everywhere, 200).await;

    // Other roles: the token that names the former ones counts no longer, and a refresh gets one with the new ones.
    let (_, members) = shop.owner.get("/admin/v1/members").await;
    let of_bob = members["items"].as_array().unwrap().iter().find(|item| item["user"] == bob["user"]).unwrap().clone();
    let at = format!("/admin/v1/members/{}", of_bob["id"].as_str().unwrap());
    let (status, changed) =
        shop.owner.clone().with("if-match", "*").patch(&at, &json!({"roles": ["order-manager"]})).await;
    assert_eq!(status, 200, "{changed}");
    println!(
        "a change of roles counts at {} gateways after {:?}",
        everywhere.len(),
        until_everywhere(&everywhere, 401).await
    );
    let (_, problem) = everywhere[0].get(PRODUCTS).await;
    assert_eq!(problem["type"], "/problems/unauthenticated", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("refresh"), "{problem}");
    let refreshing = json!({"refresh_token": bob["refresh_token"]});
    let stale = Client::new(&gateway, bob["access_token"].as_str());
    let (status, bob) = stale.post("/auth/v1/refresh", &refreshing).await;
    assert_eq!(status, 200, "also with the outdated token in the header: {bob}");
    let everywhere = owner_everywhere(&store, bob["access_token"].as_str().unwrap());
    until_everywhere(&everywhere, 200).await;
    assert_eq!(everywhere[0].get("/admin/v1/orders").await.0, 200, "an order manager sees orders");

    // An end of the session.
    assert_eq!(everywhere[0].post("/auth/v1/logout", &json!({})).await.0, 200);
    println!(
        "the end of a session counts at {} gateways after {:?}",
        everywhere.len(),
        until_everywhere(&everywhere, 401).await
    );

    // An API key.
    let (status, key) =
        shop.owner.post("/admin/v1/api-keys", &json!({"name": "x", "permissions": ["product:read"]})).await;
    assert_eq!(status, 201, "{key}");
    let everywhere = owner_everywhere(&store, key["secret"].as_str().unwrap());
    println!(
        "a new API key counts at {} gateways after {:?}",
        everywhere.len(),
        until_everywhere(&everywhere, 200).await
    );
    assert_eq!(everywhere[0].get("/admin/v1/orders").await.0, 403, "it allows nothing else");
    let revoke = format!("/admin/v1/api-keys/{}/revoke", key["key"]["id"].as_str().unwrap());
    assert_eq!(shop.owner.post(&revoke, &json!({})).await.0, 200);
    println!(
        "its revocation counts at {} gateways after {:?}",
        everywhere.len(),
        until_everywhere(&everywhere, 401).await
    );

    let (answered, failed) = load.stop().await;
    println!("{answered} requests of the owner meanwhile, {} failed", failed.len());
    assert!(failed.is_empty(), "what happened to others touched the owner: {failed:?}");
}

fn member(shop: &Shop) -> String {
    format!("bob@{}.example", shop.slug)
}
