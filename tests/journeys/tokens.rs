//! What opens nothing: tokens that a stranger made of a genuine one, and a genuine one where it does not belong.
//! The rule: the gateway and each service behind it refuse alike, and say no more than how to get a token.
//!
//! Right signatures below wrong claims come from a key that the store takes for one of auth's, as a stolen one would be.

use std::io::ErrorKind;
use std::net::TcpListener;

use e2e::{PATIENCE, Shop, Store, together};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply, eventually};

use crate::WISHES;
use crate::clients::forgeries::{self, Forgery};
use crate::clients::signed_forgeries;
use crate::clients::stranger::Seen;

const PATH: &str = "/admin/v1/orders";

/// What is wrong with this answer to a forged token.
fn fault(reply: &Reply, token: &str) -> Option<String> {
    let (text, problem) = (reply.text(), reply.json());
    let kind = reply.header("content-type").unwrap_or_default();
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    let refused = reply.status == 401
        && kind == "application/problem+json"
        && problem["type"] == "/problems/unauthenticated"
        && problem["status"] == 401
        && challenge.starts_with("Bearer");
    if !refused {
        return Some(format!("{} {kind}, WWW-Authenticate {challenge:?}: {text}", reply.status));
    }
    // Short texts may stand in the words of a problem by chance.
    (token.len() > 20 && text.contains(token)).then(|| format!("the token is repeated: {text}"))
}

/// The genuine token opens both doors, before and afterwards; none of the forged ones opens either.
async fn assert_refused(store: &Store, seen: &Seen, forged: &[Forgery]) {
    let doors = [("gateway", store.gateways()[0].clone()), ("order", store.urls("order")[0].clone())];
    let doors = doors.map(|(name, address)| (name, Client::new(address, None)));
    let ask = async |client: &Client, token: &str| {
        client.clone().with("authorization", &format!("Bearer {token}")).send(Method::GET, PATH, None).await
    };
    let assert_genuine = async || {
        for (door, client) in &doors {
            for token in [&seen.token, &seen.other] {
                let reply = ask(client, token).await;
                assert_eq!(reply.status, 200, "{door}: {}", reply.text());
            }
        }
    };
    assert_genuine().await;
    let mut wrong = Vec::new();
    for Forgery { name, token } in forged {
        assert!(*token != seen.token && *token != seen.other, "{name} is genuine");
        for (door, client) in &doors {
            if let Some(fault) = fault(&ask(client, token).await, token) {
                wrong.push(format!("{door}: {name}: {fault}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), forged.len(), wrong.join("\n"));
    assert_genuine().await;
}

async fn assert_table_refused(table: fn(&Seen) -> Vec<Forgery>) {
    let store = together(&WISHES).await;
    let seen = Seen::at(&store).await;
    assert_refused(&store, &seen, &table(&seen)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_algorithm_opens_nothing() {
    assert_table_refused(forgeries::algorithms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_header_was_edited_opens_nothing() {
    assert_table_refused(forgeries::headers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_claims_were_edited_opens_nothing() {
    assert_table_refused(forgeries::contents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_right_signature_below_wrong_claims_opens_nothing() {
    let store = together(&WISHES).await;
    let seen = Seen::at(&store).await;
    let mint = store.announced_key().await;
    let (token, other, key) = (mint.sign(&seen.claims()), seen.token.clone(), Value::Null);
    let genuine = Seen { token, other, key };
    for address in [store.gateways()[0].clone(), store.urls("order")[0].clone()] {
        let bearer = Client::new(&address, Some(&genuine.token));
        eventually(PATIENCE, async || {
            let (status, body) = bearer.get(PATH).await;
            if status == 200 { Ok(()) } else { Err(format!("{status} {body}")) }
        })
        .await;
    }
    let now = genuine.claims()["iat"].as_i64().unwrap();
    let changes = [
        json!({"exp": now - 3_600}),
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"nbf": now + 3_600}),
        json!({"nbf": null}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"aud": "another-store"}),
        json!({"aud": null}),
        json!({"sub": null}),
        json!({"sub": "somebody"}),
        json!({"org": "*"}),
        json!({"sid": null}),
        json!({"mem": null}),
        json!({"ver": null}),
        json!({"scope": 7}),
    ];
    let signed = |change: &Value| Forgery {
        name: format!("signed claims with {change}"),
        token: mint.sign(&genuine.claims_with(change)),
    };
    assert_refused(&store, &genuine, &changes.iter().map(signed).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_signature_opens_nothing() {
    assert_table_refused(forgeries::signatures).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_of_another_form_opens_nothing() {
    assert_table_refused(forgeries::forms).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_with_a_key_that_is_not_auths_opens_nothing_and_no_key_is_fetched() {
    let store = together(&WISHES).await;
    let seen = Seen::at(&store).await;
    let offered = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    offered.set_nonblocking(true).unwrap();
    let address = format!("http://{}", offered.local_addr().unwrap());
    assert_refused(&store, &seen, &signed_forgeries::all(&seen, &address)).await;
    let asked = offered.accept();
    assert_eq!(asked.err().map(|error| error.kind()), Some(ErrorKind::WouldBlock), "somebody asked for the key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_token_finds_nothing_of_an_organisation_whose_slug_or_ids_it_names() {
    let store = together(&WISHES).await;
    let (mine, theirs) = (Shop::open(&store, "here").await, Shop::open(&store, "there").await);
    theirs.sell(&store, &[("HIDDEN", 100, 5)]).await;
    let category = theirs.category("hidden-category", None).await;
    let order = theirs.place(&[("HIDDEN", 1)]).await.order;
    theirs.reaches(order, "confirmed").await;
    // Catalog hears of the confirmation later than the owner, and then holds what it had reserved.
    eventually(PATIENCE, async || {
        let stock = theirs.stock("HIDDEN").await;
        if stock["held"] == 1 { Ok(()) } else { Err(stock) }
    })
    .await;
    let product = theirs.product("hidden").await["id"].as_str().unwrap().to_owned();
    let (categories, products) = (format!("/admin/v1/categories/{category}"), format!("/admin/v1/products/{product}"));
    let (orders, stock) = (format!("/admin/v1/orders/{order}"), "/admin/v1/stock/HIDDEN".to_owned());
    let things = [&categories, &products, &orders, &stock];
    let look = async || {
        let mut seen = Vec::new();
        for thing in things {
            let (status, body) = theirs.owner.get(thing).await;
            assert_eq!(status, 200, "{thing}: {body}");
            seen.push(body);
        }
        seen
    };
    let before = look().await;

    let organisation = theirs.owner.get("/auth/v1/me").await.1["organisation"].clone();
    let id = organisation["id"].as_str().unwrap_or_else(|| panic!("no id in {organisation}"));
    let (here, there) = (&mine.slug, &theirs.slug);
    let mut tried: Vec<(Method, String, Option<Value>)> = things.map(|it| (Method::GET, it.clone(), None)).to_vec();
    tried.extend([
        (Method::PATCH, categories.clone(), Some(json!({"name": "taken"}))),
        (Method::POST, format!("{categories}/move"), Some(json!({"position": 0}))),
        (Method::PATCH, products.clone(), Some(json!({"title": "taken"}))),
        (Method::POST, format!("{products}/retire"), None),
        (Method::POST, format!("{products}/restore"), None),
        (Method::POST, format!("{stock}/adjust"), Some(json!({"set": 0}))),
        (Method::POST, format!("{orders}/cancel"), None),
        // Their address with this token, and this organisation's with their ids.
        (Method::GET, format!("/admin/v1/{there}/orders/{order}"), None),
        (Method::GET, format!("/store/v1/{id}/products/{product}"), None),
        (Method::GET, format!("/store/v1/{here}/products/{product}"), None),
    ]);
    let client = mine.owner.clone().with("if-match", "*").with("x-organisation", id).with("organisation", there);
    for (method, path, body) in tried {
        let reply = client.send(method.clone(), &path, body.map(|body| body.to_string().into_bytes())).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.text());
    }
    let (status, ledger) = client.get(&format!("{stock}/movements")).await;
    assert_eq!((status, &ledger["items"]), (200, &json!([])), "{ledger}");
    for name in ["organisation", "org", "org_id", "tenant"] {
        for value in [id, there] {
            let reply = client.send(Method::GET, &format!("/admin/v1/products?{name}={value}"), None).await;
            assert!(!reply.text().contains("Product HIDDEN"), "{name}={value}: {}", reply.text());
        }
    }
    // A token of staff is no order token, whoever's shop it is.
    for way in ["", "/cancel"] {
        let path = format!("/store/v1/{there}/orders/{order}{way}");
        let method = if way.is_empty() { Method::GET } else { Method::POST };
        let as_holder = client.clone().with("order-token", &mine.token);
        let reply = as_holder.send(method, &path, None).await;
        assert_eq!(reply.status, 401, "{path}: {}", reply.text());
    }
    assert_eq!(look().await, before);
}
