//! What the store says to requests that it refuses, whoever refuses them: problem+json, and nothing of its inside.

use e2e::{PATIENCE, Shop, order_of, together};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply, eventually, problem_fields};

use crate::WISHES;

/// Words that would tell a stranger how the store is built.
const INSIDE: [&str; 16] = [
    "panicked",
    ".rs:",
    "src/",
    "postgres",
    "diesel",
    "sqlstate",
    "rdkafka",
    "kafka",
    "redis",
    "actix",
    "127.0.0.1",
    "stack",
    "backtrace",
    "_app",
    "Error {",
    "connection refused",
];

/// A problem of this status and type, complete, and silent about everything else.
fn assert_problem(reply: &Reply, status: u16, kind: &str) -> Value {
    let text = reply.text();
    assert_eq!(reply.status, status, "{text}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{text}");
    let problem = reply.json();
    assert_eq!((&problem["type"], &problem["status"]), (&json!(format!("/problems/{kind}")), &json!(status)), "{text}");
    assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
    assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{text}");
    assert_eq!(reply.header("x-request-id"), problem["request_id"].as_str(), "{text}");
    let lower = text.to_lowercase();
    for word in INSIDE {
        assert!(!lower.contains(&word.to_lowercase()), "{word:?} stands in {text}");
    }
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_request_is_told_as_a_problem_and_tells_nothing_else() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "refused").await;
    let (owner, anyone) = (&shop.owner, &shop.shopper);
    let get = |client: &Client, path: &str| {
        let (client, path) = (client.clone(), path.to_owned());
        async move { client.send(Method::GET, &path, None).await }
    };
    let post = |client: &Client, path: &str, body: &[u8]| {
        let (client, path, body) = (client.clone(), path.to_owned(), body.to_vec());
        async move { client.send(Method::POST, &path, Some(body)).await }
    };
    let orders = shop.orders();

    // Nothing is there: for the gateway, for a service, for a shop.
    assert_problem(&get(anyone, "/nothing").await, 404, "not-found");
    assert_problem(&get(owner, "/admin/v1/products/x/y/z").await, 404, "not-found");
    assert_problem(&get(owner, "/admin/v1/products/prod_nonsense").await, 404, "not-found");
    assert_problem(&get(anyone, "/store/v1/no-such-shop/products").await, 404, "organisation-not-found");

    // The wrong method, at a service and at the gateway.
    let reply = owner.send(Method::DELETE, "/admin/v1/products", None).await;
    assert_problem(&reply, 405, "method-not-allowed");
    let allowed = reply.header("allow").unwrap_or_default();
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    assert_problem(&owner.send(Method::TRACE, "/admin/v1/products", None).await, 405, "method-not-allowed");

    // Bodies: of the wrong kind, not JSON, too deep, too long for the route, too long for the gateway.
    let text = anyone.clone().with("content-type", "text/plain");
    assert_problem(&post(&text, &orders, b"one mug, please").await, 415, "unsupported-media-type");
    assert_problem(&post(anyone, &orders, b"{\"lines\": [").await, 400, "malformed-body");
    let deep = format!("{{\"lines\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_problem(&post(anyone, &orders, deep.as_bytes()).await, 400, "malformed-body");
    let long = json!({"lines": [], "reference": "x".repeat(100 * 1024)}).to_string();
    assert_problem(&post(anyone, &orders, long.as_bytes()).await, 413, "body-too-large");
    assert_problem(&post(anyone, &orders, &vec![b' '; 2 * 1024 * 1024]).await, 413, "body-too-large");

    // Everything that is wrong, at once.
    let wrong = json!({"lines": [{"sku": "", "quantity": 0}, {"sku": "A B", "quantity": 2_000_000}], "reference": ""});
    let problem = assert_problem(&post(anyone, &orders, wrong.to_string().as_bytes()).await, 422, "invalid-request");
    let fields = problem_fields(&problem);
    for field in ["lines[0].sku", "lines[0].quantity", "lines[1].sku", "lines[1].quantity", "reference"] {
        assert!(fields.contains(&field), "{field} is not in {problem}");
    }
    let unknown = json!({"lines": [{"sku": "A", "quantity": 1}], "discount": 100});
    let reply = post(anyone, &orders, unknown.to_string().as_bytes()).await;
    assert!(assert_problem(&reply, 422, "invalid-request").to_string().contains("discount"), "{}", reply.text());
    let missing = order_of(&[("NO-SUCH-SKU", 1)]).to_string();
    let reply = post(anyone, &orders, missing.as_bytes()).await;
    assert!(assert_problem(&reply, 422, "unsellable-lines").to_string().contains("NO-SUCH-SKU"));

    // Requests that two servers could read differently.
    assert_problem(&get(anyone, "/store/v1/a%2fb/products").await, 400, "malformed-request");
}

/// The problem's `request_id` leads to a line in a log, which says nothing of what the client sent.
async fn assert_logged(store: &e2e::Store, reply: &Reply) {
    let problem = reply.json();
    let (id, kind) = (problem["request_id"].as_str().unwrap(), problem["type"].as_str().unwrap());
    let slug = kind.trim_start_matches("/problems/");
    // The line is written before the reply, but by another process.
    let line = eventually(PATIENCE, async || store.logged(&[id, "the request was refused"])).await;
    assert!(line.contains(slug), "{line}");
    assert!(store.logged(&[id, "secret-of-the-client"]).is_none(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_is_found_in_a_log_by_its_request_id() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "found").await;
    let login = json!({"organisation": "found", "email": "secret-of-the-client@x.example", "password": "not-this-one"});
    let order = order_of(&[("secret-of-the-client", 1)]);
    let wrong = json!({"lines": [], "reference": "secret-of-the-client"});
    let forged = shop.shopper.clone().with("authorization", "Bearer forged-secret-of-the-client");
    let send = async |client: &Client, method: Method, path: &str, body: Option<Value>| {
        client.send(method, path, body.map(|body| body.to_string().into_bytes())).await
    };
    let refused = [
        // By a service.
        (send(&shop.shopper, Method::POST, "/auth/v1/login", Some(login)).await, 401),
        (send(&shop.shopper, Method::POST, &shop.orders(), Some(order)).await, 422),
        (send(&shop.shopper, Method::POST, &shop.orders(), Some(wrong)).await, 422),
        (send(&shop.owner, Method::GET, "/admin/v1/products/secret-of-the-client", None).await, 404),
        // By the gateway.
        (send(&shop.shopper, Method::GET, "/secret-of-the-client", None).await, 404),
        (send(&shop.shopper, Method::POST, "/docs", None).await, 405),
        (send(&forged, Method::GET, "/admin/v1/orders", None).await, 401),
    ];
    for (reply, status) in refused {
        assert_eq!(reply.status, status, "{}", reply.text());
        assert_logged(&store, &reply).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_no_token_is_refused_whatever_the_other_headers_say() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "pretended").await;
    for address in store.gateways().into_iter().chain(store.urls("order")) {
        let stranger = Client::new(&address, None);
        let pretender =
            stranger.clone().with("x-user-id", "1").with("x-organisation", &shop.slug).with("x_user_id", "1");
        for client in [&stranger, &pretender] {
            let reply = client.send(Method::GET, "/admin/v1/orders", None).await;
            let problem = assert_problem(&reply, 401, "unauthenticated");
            assert!(
                reply.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer")),
                "{address}: {problem}"
            );
        }
        let owner = pretender.with("authorization", &format!("Bearer {}", shop.token));
        let (status, body) = owner.get("/admin/v1/orders").await;
        assert_eq!(status, 200, "{address}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organisation_never_sees_what_belongs_to_another() {
    let store = together(&WISHES).await;
    let (mine, theirs) = (Shop::open(&store, "mine").await, Shop::open(&store, "theirs").await);
    theirs.sell(&store, &[("SECRET", 100, 5)]).await;
    let placed = theirs.place(&[("SECRET", 1)]).await;
    theirs.reaches(placed.order, "confirmed").await;
    let product = theirs.product("secret").await;
    for path in [
        format!("/admin/v1/orders/{}", placed.order),
        format!("/admin/v1/products/{}", product["id"].as_str().unwrap()),
        "/admin/v1/stock/SECRET".to_owned(),
    ] {
        assert_problem(&mine.owner.send(Method::GET, &path, None).await, 404, "not-found");
        assert_eq!(theirs.owner.get(&path).await.0, 200);
    }
    for list in ["/admin/v1/orders", "/admin/v1/products", "/admin/v1/categories"] {
        let (status, page) = mine.owner.get(list).await;
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(0)), "{list}: {page}");
    }
    let holder = mine.shopper.clone().with("order-token", &placed.token);
    assert_eq!(holder.get(&format!("{}/{}", mine.orders(), placed.order)).await.0, 404);
    let order = order_of(&[("SECRET", 1)]);
    assert_eq!(mine.shopper.post(&mine.orders(), &order).await.0, 422);
}
