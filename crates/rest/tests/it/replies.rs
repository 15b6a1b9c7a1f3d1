//! What a good request gets.

use access::Role;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::api::{World, ask, json_post};

#[actix_web::test]
async fn a_body_reaches_the_handler_and_its_reply_the_client() {
    let answer = ask(&World::new(), json_post("/echo", "{\"title\":\"a\"}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json(), json!({"title": "a", "version": 1}));
}

#[actix_web::test]
async fn a_read_carries_its_version_and_is_304_when_the_client_has_it() {
    let world = World::new();
    let answer = ask(&world, TestRequest::get().uri("/things/3")).await;
    assert_eq!(answer.status, 200);
    assert_eq!((answer.header("etag"), answer.header("cache-control")), ("\"3\"", "private, no-cache"));
    for tags in ["\"2\", \"3\"", "W/\"3\"", "\"a,b\",W/\"2\", W/\"3\"", "*"] {
        let known = ask(&world, TestRequest::get().uri("/things/3").insert_header(("if-none-match", tags))).await;
        assert_eq!(known.status, 304, "{tags}");
        assert!(known.body.is_empty());
        assert_eq!(known.header("etag"), "\"3\"");
    }
    for tags in ["\"2\"", "3", "\"33\"", "\"03\"", "\"+3\"", "\"2,3\"", ""] {
        let other = ask(&world, TestRequest::get().uri("/things/3").insert_header(("if-none-match", tags))).await;
        assert_eq!(other.status, 200, "{tags}");
    }
}

#[actix_web::test]
async fn a_literal_segment_wins_over_a_parameter() {
    let answer = ask(&World::new(), TestRequest::get().uri("/things/cached")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"title": "kept", "version": 3}));
}

#[actix_web::test]
async fn the_scope_comes_from_the_token_and_the_request_id() {
    let world = World::new();
    let id = "0193b3a0-0000-7000-8000-000000000001";
    let request = TestRequest::get()
        .uri("/me")
        .insert_header(("authorization", format!("bearer {}", world.token(Role::Viewer))))
        .insert_header(("x-request-id", id));
    let answer = ask(&world, request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-request-id"), id);
    let body = answer.json();
    assert_eq!(body["organisation"], world.organisation.to_string());
    assert_eq!(body["correlation"], id);
    assert!(body["actor"].as_str().unwrap().starts_with("user_"));
}

#[actix_web::test]
async fn a_request_id_that_is_no_uuid_is_replaced() {
    let request = TestRequest::get().uri("/things").insert_header(("x-request-id", "<script>"));
    let answer = ask(&World::new(), request).await;
    assert_eq!(answer.header("x-request-id").len(), 36);
}

#[actix_web::test]
async fn a_shopper_is_of_the_organisation_in_the_path() {
    let world = World::new();
    let answer = ask(&world, TestRequest::get().uri("/store/open-shop/shop")).await;
    assert_eq!(
        answer.json(),
        json!({"actor": "shopper", "currency": "VND", "organisation": world.organisation.to_string()})
    );
}

#[actix_web::test]
async fn a_visitor_may_say_how_long_to_wait() {
    let world = World::new();
    for (value, wait) in [
        ("wait=5", json!(5)),
        ("wait=\"6\"", json!(6)),
        ("respond-async, Wait = 900", json!(30)),
        ("wait=7, wait=8", json!(7)),
        ("return=minimal", json!(null)),
    ] {
        let answer = ask(&world, TestRequest::get().uri("/visit").insert_header(("prefer", value))).await;
        assert_eq!(answer.json(), json!({"actor": "visitor", "wait": wait}), "{value}");
    }
    let bad = ask(&world, TestRequest::get().uri("/visit").insert_header(("prefer", "wait=soon"))).await;
    assert_eq!(bad.status, 400);
}

#[actix_web::test]
async fn a_secret_header_is_needed_and_never_prints() {
    let world = World::new();
    let answer = ask(&world, TestRequest::get().uri("/secret").insert_header(("order-token", "hunter2"))).await;
    assert_eq!(answer.json(), json!({"length": 7, "debug": "Credential([redacted])"}));
    let missing = ask(&world, TestRequest::get().uri("/secret")).await;
    assert_eq!(missing.status, 401);
    missing.problem("unauthenticated");
}

#[actix_web::test]
async fn state_and_query_reach_the_handler() {
    let answer = ask(&World::new(), TestRequest::get().uri("/things?limit=3")).await;
    assert_eq!(answer.json(), json!({"limit": 3, "size": null, "greeting": "hello"}));
}

#[actix_web::test]
async fn an_upload_is_read_and_lines_are_answered() {
    let request = TestRequest::post()
        .uri("/import")
        .insert_header(("content-type", "application/x-ndjson"))
        .set_payload("x".repeat(1_000));
    let answer = ask(&World::new(), request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.body, "{\"line\":1}\n{\"size\":1000}\n");
}
