//! Programs that come with an API key: what is refused before anybody is asked, and what the services get in its place.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use access::{Bearer, Grant, Permissions, PublishedKey, Role};
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::{join, join_all};
use gateway::routes::Service;
use kernel::{ApiKeyId, Clock, OrganisationId};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{Client, Mint, Reply, eventually};
use tokio::sync::Semaphore;

use crate::fake::{Echo, nobody, received};
use crate::stage::{Gateway, behaviour};

const PRODUCTS: &str = "/admin/v1/products";

/// Auth, as far as it gives tokens for keys.
#[derive(Clone)]
struct Auth {
    address: SocketAddr,
    /// Signs the tokens.
    mint: Arc<OnceLock<Mint>>,
    exchanges: Arc<AtomicUsize>,
    issued: Arc<Mutex<Vec<String>>>,
    /// Every other request.
    others: Arc<AtomicUsize>,
    status: Arc<AtomicU16>,
    expires_in: Arc<AtomicU64>,
    /// One exchange is answered for each permit.
    permits: Arc<Semaphore>,
}

impl Auth {
    fn start() -> Auth {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let auth = Auth {
            address: listener.local_addr().unwrap(),
            mint: Arc::default(),
            exchanges: Arc::default(),
            issued: Arc::default(),
            others: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
            expires_in: Arc::new(AtomicU64::new(600)),
            permits: Arc::new(Semaphore::new(1_000)),
        };
        let shared = auth.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .route("/auth/v1/api-keys/token", web::post().to(exchange))
                .default_service(web::to(async |auth: web::Data<Auth>, request: HttpRequest| {
                    auth.others.fetch_add(1, Ordering::SeqCst);
                    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                    HttpResponse::Ok().json(json!({ "authorization": header }))
                }))
        });
        tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        auth
    }

    fn exchanges(&self) -> usize {
        self.exchanges.load(Ordering::SeqCst)
    }

    /// The first, second, … token that it gave, as a header.
    fn issued(&self, number: usize) -> String {
        format!("Bearer {}", self.issued.lock().unwrap()[number - 1])
    }
}

async fn exchange(auth: web::Data<Auth>, body: web::Json<Value>) -> HttpResponse {
    auth.exchanges.fetch_add(1, Ordering::SeqCst);
    auth.permits.acquire().await.unwrap().forget();
    let asked = body.as_object().is_some_and(|body| {
        body.len() == 1 && body["api_key"].as_str().is_some_and(|key| key.starts_with("cs_live_") && key.len() == 78)
    });
    let status = if asked { auth.status.load(Ordering::SeqCst) } else { 400 };
    let token = auth.mint.get().unwrap().token(OrganisationId::new(), &[Role::Viewer]);
    auth.issued.lock().unwrap().push(token.clone());
    let expires_in = auth.expires_in.load(Ordering::SeqCst);
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in }))
}

/// A key that auth has published to the gateway, and its text.
fn key(gateway: &Gateway, letter: &str, change: impl FnOnce(&mut PublishedKey)) -> (String, PublishedKey) {
    let key = ApiKeyId::new();
    let text = format!("cs_live_{}_{}", key.to_string().trim_start_matches("akey_"), letter.repeat(43));
    let mut published = PublishedKey {
        key,
        organisation: gateway.organisation,
        hash: URL_SAFE_NO_PAD.encode(Sha256::digest(&text)),
        permissions: vec!["product:read".to_owned()],
        networks: Vec::new(),
        expires_at: None,
        revoked: false,
    };
    change(&mut published);
    gateway.api_keys.apply(&published).unwrap();
    (text, published)
}

fn gateway(auth: &Auth, catalog: &Echo) -> Gateway {
    let services = [(Service::Auth, &[auth.address][..]), (Service::Catalog, &[catalog.address])];
    let gateway = Gateway::start(&services, behaviour());
    assert!(auth.mint.set(gateway.mint.clone()).is_ok(), "it has a mint already");
    gateway
}

async fn ask(gateway: &Gateway, credential: &str) -> Reply {
    Client::new(gateway.base(), Some(credential)).send(Method::GET, PRODUCTS, None).await
}

fn assert_refused(reply: &Reply, words: &str) {
    let problem = reply.json();
    assert_eq!((reply.status, &problem["type"]), (401, &json!("/problems/unauthenticated")), "{words}");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{words}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{words}: {problem}");
}

#[tokio::test]
async fn the_service_gets_a_token_for_the_key_and_never_sees_the_key() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    let (other, _) = key(&gateway, "b", |_| {});
    for (text, number) in [(&text, 1), (&text, 1), (&other, 2)] {
        let reply = ask(&gateway, text).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(received(&reply.json(), "authorization"), Some(auth.issued(number).as_str()));
        assert!(!reply.text().contains("cs_live_"), "{}", reply.text());
    }
    // Nobody looks at it where no credential is needed; it ends at the gateway all the same.
    for credential in [text.as_str(), "cs_live_nonsense"] {
        let (status, seen) = Client::new(gateway.base(), Some(credential)).get("/store/v1/acme/products").await;
        assert_eq!((status, received(&seen, "authorization")), (200, None), "{credential}");
    }
    assert_eq!(auth.exchanges(), 2);
}

#[tokio::test]
async fn a_key_is_refused_before_anybody_is_asked() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    let (unknown, published) = key(&gateway, "b", |_| {});
    gateway.api_keys.remove(published.key);
    let (expired, _) = key(&gateway, "c", |key| key.expires_at = Some(Clock::now() - Duration::from_secs(1)));
    let (revoked, _) = key(&gateway, "d", |key| key.revoked = true);
    let wrong_secret = format!("{}{}", &text[..35], "b".repeat(43));
    for (credential, words) in [
        (wrong_secret.as_str(), "not known here"),
        (&unknown, "not known here"),
        (&text[..77], "not known here"),
        ("cs_live_", "not known here"),
        (&expired, "has expired"),
        (&revoked, "has been revoked"),
    ] {
        assert_refused(&ask(&gateway, credential).await, words);
    }
    let (elsewhere, _) = key(&gateway, "e", |key| key.networks = vec!["10.0.0.0/8".to_owned()]);
    let reply = ask(&gateway, &elsewhere).await;
    assert_eq!((reply.status, &reply.json()["type"]), (403, &json!("/problems/forbidden")), "{}", reply.text());
    assert_eq!((auth.exchanges(), catalog.count()), (0, 0));

    let (near, _) = key(&gateway, "f", |key| key.networks = vec!["127.0.0.2".to_owned()]);
    for (address, status) in [("127.0.0.2", 200), ("127.0.0.3", 403)] {
        let client = Client::new(gateway.base(), Some(&near)).from_address(address.parse().unwrap());
        assert_eq!(client.get(PRODUCTS).await.0, status, "{address}");
    }
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_with_every_token_of_it() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, mut published) = key(&gateway, "a", |_| {});
    let bearer = Bearer::Integration { key: published.key, organisation: gateway.organisation };
    let grant = Grant { bearer, permissions: Permissions::NONE };
    let token = gateway.mint.sign(&gateway.mint.claims(&grant, Clock::now(), Duration::from_secs(600)));
    for credential in [&text, &token] {
        assert_eq!(ask(&gateway, credential).await.status, 200, "{credential}");
    }
    published.networks = vec!["10.0.0.0/8".to_owned()];
    gateway.api_keys.apply(&published).unwrap();
    for credential in [&text, &token] {
        assert_eq!(ask(&gateway, credential).await.status, 403, "{credential}");
    }
    published.revoked = true;
    gateway.api_keys.apply(&published).unwrap();
    for credential in [&text, &token] {
        assert_refused(&ask(&gateway, credential).await, "has been revoked");
    }
    gateway.api_keys.remove(published.key);
    for credential in [&text, &token] {
        assert_refused(&ask(&gateway, credential).await, "not known here");
    }
    assert_eq!((auth.exchanges(), catalog.count()), (1, 2));
}

#[tokio::test]
async fn many_requests_at_once_exchange_their_key_once() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    auth.permits.forget_permits(1_000);
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    let keyed = join_all((0..40).map(|_| ask(&gateway, &text)));
    let answering = async {
        eventually(Duration::from_secs(10), async || auth.exchanges() == 1).await;
        // What came before these has come to the exchange.
        for _ in 0..40 {
            assert_eq!(gateway.anyone().get("/store/v1/acme/products").await.0, 200);
        }
        auth.permits.add_permits(40);
    };
    let (replies, ()) = join(keyed, answering).await;
    for reply in replies {
        assert_eq!(received(&reply.json(), "authorization"), Some(auth.issued(1).as_str()), "{}", reply.text());
    }
    assert_eq!(auth.exchanges(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    auth.expires_in.store(32, Ordering::SeqCst);
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    let begun = Instant::now();
    let token = async || {
        let seen = ask(&gateway, &text).await.json();
        received(&seen, "authorization").map(str::to_owned)
    };
    let first = token().await;
    assert_eq!(first, Some(auth.issued(1)));
    let first_used_again = token().await == first;
    assert!(first_used_again || begun.elapsed() > Duration::from_secs(2), "it was renewed at once");
    eventually(Duration::from_secs(20), async || token().await.is_some_and(|token| Some(token) != first)).await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "it was renewed after {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_signing_key() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    let used = async || received(&ask(&gateway, &text).await.json(), "authorization").map(str::to_owned);
    assert_eq!(used().await, Some(auth.issued(1)));
    assert_eq!(used().await, Some(auth.issued(1)));
    gateway.mint.keys().remove(gateway.mint.announced().kid);
    assert_eq!(used().await, Some(auth.issued(2)), "a token that every service refuses was used again");
}

#[tokio::test]
async fn without_auth_a_key_is_503_and_what_auth_refuses_is_401() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let services = [(Service::Auth, &[nobody()][..]), (Service::Catalog, &[catalog.address])];
    let alone = Gateway::start(&services, behaviour());
    let (text, _) = key(&alone, "a", |_| {});
    let reply = ask(&alone, &text).await;
    assert_eq!((reply.status, &reply.json()["type"]), (503, &json!("/problems/unavailable")), "{}", reply.text());
    assert_eq!(reply.header("retry-after"), Some("1"));
    // Who comes with a token needs no auth.
    assert_eq!(ask(&alone, &alone.token()).await.status, 200);

    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    for (said, answered) in [(500, 503), (429, 503), (404, 503), (401, 401), (200, 200)] {
        auth.status.store(said, Ordering::SeqCst);
        let reply = ask(&gateway, &text).await;
        assert_eq!(reply.status, answered, "auth said {said}: {}", reply.text());
    }
    assert_eq!((auth.exchanges(), catalog.count()), (5, 2));
}

#[tokio::test]
async fn at_auth_a_credential_may_be_left_out_and_be_wrong_only_where_none_is_needed() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    for path in ["/auth/v1/login", "/auth/v1/refresh", "/auth/v1/me"] {
        let (status, seen) = gateway.anyone().get(path).await;
        assert_eq!((status, &seen["authorization"]), (200, &Value::Null), "{path}");
    }
    let token = gateway.token();
    for credential in [&token, &text] {
        let (status, seen) = Client::new(gateway.base(), Some(credential)).get("/auth/v1/me").await;
        let expected = if credential == &token { format!("Bearer {token}") } else { auth.issued(1) };
        assert_eq!((status, seen["authorization"].as_str()), (200, Some(expected.as_str())));
    }
    let asked = auth.others.load(Ordering::SeqCst);
    for credential in ["bad", "cs_live_bad", &token[..token.len() - 4]] {
        for path in ["/auth/v1/password", "/auth/v1/me"] {
            assert_eq!(Client::new(gateway.base(), Some(credential)).get(path).await.0, 401, "{credential} {path}");
        }
    }
    assert_eq!((asked, auth.others.load(Ordering::SeqCst)), (5, 5), "a bad credential reached auth");
    for path in ["/auth/v1/login", "/auth/v1/refresh"] {
        let (status, seen) = Client::new(gateway.base(), Some("cs_live_bad")).get(path).await;
        assert_eq!((status, &seen["authorization"]), (200, &Value::Null), "{path}: a client gets out of a bad state");
    }
}

#[tokio::test]
async fn nobody_reaches_the_exchange_from_outside() {
    let (auth, catalog) = (Auth::start(), Echo::start("catalog"));
    let gateway = gateway(&auth, &catalog);
    let (text, _) = key(&gateway, "a", |_| {});
    for path in [
        "/auth/v1/api-keys/token",
        "/auth/v1/api-keys/token?x=1",
        "/auth/v1/api-keys/%74oken",
        "/auth/v1/%61pi-keys/token",
        "/auth/%761/api-keys/token",
    ] {
        for client in [gateway.anyone(), gateway.staff()] {
            assert_eq!(client.post(path, &json!({ "api_key": text })).await.0, 404, "{path}");
        }
    }
    assert_eq!((auth.exchanges(), auth.others.load(Ordering::SeqCst)), (0, 0));
}
