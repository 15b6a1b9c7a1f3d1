//! The merged document and the page on top of it.

use std::time::Duration;

use gateway::routes::Service;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::fake::{Echo, nobody};
use crate::stage::{Gateway, behaviour};

fn document(path: &str, kind: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "x", "version": "1" },
        "paths": { path: { "get": {
            "operationId": "list",
            "responses": { "200": { "description": "ok", "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/View" } } } } }
        } } },
        "components": { "schemas": { "View": { "type": kind }, "Problem": { "type": "object" } } }
    })
}

#[tokio::test]
async fn one_document_describes_all_services() {
    let catalog = Echo::serving("127.0.0.1:0", "catalog", document("/admin/v1/products", "string"));
    let order = Echo::serving("127.0.0.1:0", "order", document("/admin/v1/orders", "integer"));
    let gateway =
        Gateway::start(&[(Service::Catalog, &[catalog.address]), (Service::Order, &[order.address])], behaviour());
    let reply = gateway.anyone().send(Method::GET, "/openapi.json", None).await;
    let merged = reply.json();
    assert_eq!((reply.status, &merged["openapi"]), (200, &json!("3.1.0")));
    let mut ids = Vec::new();
    for (path, kind) in [("/admin/v1/products", "string"), ("/admin/v1/orders", "integer")] {
        let operation = &merged["paths"][path]["get"];
        ids.push(operation["operationId"].as_str().unwrap());
        let schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        assert_eq!(merged.pointer(schema.trim_start_matches('#')).unwrap()["type"], kind, "{path}");
    }
    assert_ne!(ids[0], ids[1]);
    let tag = reply.header("etag").unwrap();
    let again = gateway.anyone().with("if-none-match", tag).send(Method::GET, "/openapi.json", None).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn a_service_that_is_away_is_named_and_appears_when_it_comes() {
    let catalog = Echo::serving("127.0.0.1:0", "catalog", document("/admin/v1/products", "string"));
    let later = nobody();
    let gateway = Gateway::start(&[(Service::Catalog, &[catalog.address]), (Service::Order, &[later])], behaviour());
    let (status, merged) = gateway.anyone().get("/openapi.json").await;
    assert_eq!(status, 200);
    assert!(merged["info"]["description"].as_str().unwrap().contains("order"), "{}", merged["info"]);

    Echo::serving(later, "order", document("/admin/v1/orders", "integer"));
    eventually(Duration::from_secs(15), async || {
        let (_, merged) = gateway.anyone().get("/openapi.json").await;
        merged["paths"]["/admin/v1/orders"].is_object() && merged["paths"]["/admin/v1/products"].is_object()
    })
    .await;
}

#[tokio::test]
async fn the_document_leaves_out_the_exchange_of_keys_which_nobody_reaches() {
    let mut described = document("/auth/v1/me", "string");
    described["paths"]["/auth/v1/api-keys/token"] = described["paths"]["/auth/v1/me"].clone();
    let auth = Echo::serving("127.0.0.1:0", "auth", described);
    let gateway = Gateway::start(&[(Service::Auth, &[auth.address])], behaviour());
    let (_, merged) = gateway.anyone().get("/openapi.json").await;
    let paths: Vec<_> = merged["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/auth/v1/me"]);
}

#[tokio::test]
async fn the_page_asks_nobody_outside() {
    let gateway = Gateway::start(&[], behaviour());
    let reply = gateway.anyone().send(Method::GET, "/docs", None).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(reply.text().contains("\"validatorUrl\": null"), "the outside validator is still asked");
    assert!(reply.text().contains("/openapi.json"));
}

#[tokio::test]
async fn the_type_of_every_problem_leads_to_what_to_do_about_it() {
    let gateway = Gateway::start(&[], behaviour());
    let mut slugs: Vec<&str> = rest::problem_slugs().collect();
    // The tables hold the types of all services; these two are here to see that they were read.
    assert!(slugs.contains(&"login-refused") && slugs.contains(&"order-not-cancellable") && slugs.len() > 30);
    slugs.extend(gateway::refusal::Refusal::kinds().map(|kind| kind.slug()));
    for slug in slugs {
        let reply = gateway.anyone().send(Method::GET, &format!("/problems/{slug}"), None).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/plain; charset=utf-8")), "{slug}");
        assert!(reply.text().starts_with(&format!("/problems/{slug}\n")), "{}", reply.text());
    }
    for nothing in ["/problems/no-such-problem", "/problems/", "/problems/stale/x", "/problems/%ff"] {
        assert_eq!(gateway.anyone().send(Method::GET, nothing, None).await.status, 404, "{nothing}");
    }
    assert_eq!(gateway.anyone().send(Method::POST, "/problems/stale", None).await.status, 405);
}
