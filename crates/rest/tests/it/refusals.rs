//! Every refusal is a problem, names what is wrong, and tells nothing of the inside.

use access::Role;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::api::{World, ask, json_post};

#[actix_web::test]
async fn an_unknown_route_is_a_problem() {
    let answer = ask(&World::new(), TestRequest::get().uri("/nowhere")).await;
    assert_eq!(answer.status, 404);
    answer.problem("not-found");
}

#[actix_web::test]
async fn a_wrong_verb_is_405_and_says_which_are_right() {
    let answer = ask(&World::new(), TestRequest::delete().uri("/things")).await;
    assert_eq!(answer.status, 405);
    answer.problem("method-not-allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "OPTIONS", "POST"]);
    let unknown = TestRequest::default().method("PROPFIND".parse().unwrap()).uri("/echo");
    let answer = ask(&World::new(), unknown).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"));
}

#[actix_web::test]
async fn a_field_that_is_there_twice_is_named() {
    let answer = ask(&World::new(), json_post("/echo", "{\"title\":\"a\",\"title\":\"b\"}")).await;
    assert_eq!(answer.status, 422);
    let wanted = json!([{"field": "title", "reason": "must be there only once"}]);
    assert_eq!(answer.problem("invalid-request")["errors"], wanted);
}

#[actix_web::test]
async fn options_names_exactly_the_methods_of_the_path() {
    let world = World::new();
    for (path, allow) in [
        ("/things", "POST, GET, HEAD, OPTIONS"),
        ("/things/1", "GET, HEAD, PATCH, OPTIONS"),
        ("/echo", "POST, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ] {
        let answer = ask(&world, TestRequest::default().method(Method::OPTIONS).uri(path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow"), answer.body.len()), (204, allow, 0), "{path}");
    }
    let nowhere = ask(&world, TestRequest::default().method(Method::OPTIONS).uri("/nowhere")).await;
    assert_eq!(nowhere.status, 404);
}

#[actix_web::test]
async fn other_content_types_than_json_are_415() {
    let world = World::new();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let request = TestRequest::post().uri("/echo").insert_header(("content-type", content_type)).set_payload("{}");
        let answer = ask(&world, request).await;
        assert_eq!(answer.status, 415, "{content_type}");
        assert_eq!(answer.problem("unsupported-media-type")["accepted"], json!(["application/json"]));
    }
    let answer = ask(&world, TestRequest::post().uri("/echo").set_payload("{}")).await;
    assert_eq!(answer.status, 415);
    let file = TestRequest::post().uri("/import").insert_header(("content-type", "application/x-ndjson"));
    for request in [json_post("/echo", "{}"), file.set_payload("{}\n")] {
        let answer = ask(&world, request.insert_header(("content-encoding", "gzip"))).await;
        assert_eq!((answer.status.as_u16(), answer.header("accept-encoding")), (415, "identity"));
        let problem = answer.problem("unsupported-media-type");
        assert!(problem["detail"].as_str().unwrap().contains("Compressed bodies are not taken"), "{problem}");
    }
    let plain = json_post("/echo", "{\"title\":\"a\"}").insert_header(("content-encoding", "Identity"));
    assert_eq!(ask(&world, plain).await.status, 200);
    let with_charset = TestRequest::post()
        .uri("/echo")
        .insert_header(("content-type", "application/json; charset=utf-8"))
        .set_payload("{\"title\":\"a\"}");
    assert_eq!(ask(&world, with_charset).await.status, 200);
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_413_whether_declared_or_not() {
    let world = World::new();
    let big = format!("{{\"title\":\"{}\"}}", "x".repeat(70_000));
    let answer = ask(&world, json_post("/echo", &big)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.problem("body-too-large")["limit_bytes"], 65_536);
    let declared = json_post("/echo", "{}").insert_header(("content-length", "70000"));
    assert_eq!(ask(&world, declared).await.status, 413);
    let beyond_its_own = format!("{{\"title\":\"{}\"}}", "x".repeat(100));
    assert_eq!(ask(&world, json_post("/small", &beyond_its_own)).await.problem("body-too-large")["limit_bytes"], 64);
    assert_eq!(ask(&world, json_post("/small", "{\"title\":\"a\"}")).await.status, 200);
}

#[actix_web::test]
async fn what_is_not_json_or_too_deep_is_400() {
    let world = World::new();
    let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
    for body in ["", "{", "{\"title\":}", "nul", "{\"title\":\"a\"} {}", &deep] {
        let answer = ask(&world, json_post("/echo", body)).await;
        assert_eq!(answer.status, 400, "{body}");
        answer.problem("malformed-body");
    }
    let deep_in_a_text = format!("{{\"title\":\"{}\"}}", "[".repeat(9));
    assert_eq!(ask(&world, json_post("/echo", &deep_in_a_text)).await.status, 200);
}

#[actix_web::test]
async fn every_field_of_the_wrong_shape_is_named_at_once() {
    let body = json!({
        "parts": [{"sku": 5, "quantity": "many"}, {"quantity": 1, "colour": "red"}],
        "note": {"txt": ""},
        "extra": 1,
    });
    let answer = ask(&World::new(), json_post("/echo", &body.to_string())).await;
    assert_eq!(answer.status, 422);
    answer.problem("invalid-request");
    assert_eq!(
        answer.fields(),
        [
            "extra",
            "note.text",
            "note.txt",
            "parts[0].quantity",
            "parts[0].sku",
            "parts[1].colour",
            "parts[1].sku",
            "title"
        ]
    );
}

#[actix_web::test]
async fn a_wrong_shape_hides_no_broken_bound() {
    let body = json!({"title": "far too long a title", "parts": [{"sku": "", "quantity": 0}], "extra": 1});
    let answer = ask(&World::new(), json_post("/echo", &body.to_string())).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.fields(), ["extra", "parts[0].quantity", "parts[0].sku", "title"]);
}

#[actix_web::test]
async fn every_field_that_breaks_a_rule_is_named_at_once() {
    let body = json!({
        "title": "far too long a title",
        "parts": [{"sku": "", "quantity": 0}, {"sku": "a b", "quantity": 101}, {"sku": "é", "quantity": 1}],
    });
    let answer = ask(&World::new(), json_post("/echo", &body.to_string())).await;
    assert_eq!(answer.status, 422);
    answer.problem("invalid-request");
    assert_eq!(
        answer.fields(),
        ["parts[0].quantity", "parts[0].sku", "parts[1].quantity", "parts[1].sku", "parts[2].sku", "title"]
    );
}

#[actix_web::test]
async fn an_amount_and_its_currency_are_both_told_wrong() {
    let wrong = |amount: &str, currency: &str| {
        json!({"title": "a", "parts": [{"sku": "A", "quantity": 1, "price": {"amount": amount, "currency": currency}}]})
            .to_string()
    };
    let world = World::new();
    let (amount, currency) = ("parts[0].price.amount", "parts[0].price.currency");
    for (body, fields) in [
        (wrong("1,5", "usd"), vec![amount, currency]),
        (wrong("1.505", "ZZZ"), vec![currency]),
        (wrong("1.505", "USD"), vec![amount]),
        (wrong("", "USD"), vec![amount]),
    ] {
        assert_eq!(ask(&world, json_post("/echo", &body)).await.fields(), fields, "{body}");
    }
    assert_eq!(ask(&world, json_post("/echo", &wrong("1.50", "USD"))).await.status, 200);
}

#[actix_web::test]
async fn a_query_names_every_bad_parameter() {
    let world = World::new();
    for (query, fields) in [
        ("limit=many", vec!["limit"]),
        ("limti=1", vec!["limti"]),
        ("limit=many&limti=1", vec!["limit", "limti"]),
        ("size=-1&&limit=1&li%20m=1&limit=2", vec!["li m", "limit", "size"]),
    ] {
        let answer = ask(&world, TestRequest::get().uri(&format!("/things?{query}"))).await;
        assert_eq!(answer.status, 422, "{query}");
        answer.problem("invalid-request");
        assert_eq!(answer.fields(), fields, "{query}");
    }
}

#[actix_web::test]
async fn a_path_that_does_not_parse_names_nothing() {
    let answer = ask(&World::new(), TestRequest::get().uri("/things/none")).await;
    assert_eq!(answer.status, 404);
    answer.problem("not-found");
}

#[actix_web::test]
async fn a_missing_or_bad_token_is_401_with_a_challenge() {
    let world = World::new();
    let plain = ask(&world, TestRequest::get().uri("/me")).await;
    assert_eq!(plain.status, 401);
    plain.problem("unauthenticated");
    assert_eq!(plain.header("www-authenticate"), "Bearer");
    for value in ["Basic YTpi", "Bearer", "Bearer not.a.token", "Bearer a b c"] {
        let answer = ask(&world, TestRequest::get().uri("/me").insert_header(("authorization", value))).await;
        assert_eq!(answer.status, 401, "{value}");
        answer.problem("unauthenticated");
    }
    let other_world = World::new().token(Role::Owner);
    let request = TestRequest::get().uri("/me").insert_header(("authorization", format!("Bearer {other_world}")));
    let forged = ask(&world, request).await;
    assert_eq!(forged.status, 401);
    assert_eq!(forged.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[actix_web::test]
async fn two_authorization_headers_are_refused() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(Role::Owner));
    let request = TestRequest::get()
        .uri("/me")
        .append_header(("authorization", token.clone()))
        .append_header(("authorization", token));
    assert_eq!(ask(&world, request).await.status, 400);
}

#[actix_web::test]
async fn identity_headers_are_worth_nothing() {
    let world = World::new();
    let request = TestRequest::get()
        .uri("/me")
        .insert_header(("x-user-id", "user_1"))
        .insert_header(("x-organisation", world.organisation.to_string()));
    assert_eq!(ask(&world, request).await.status, 401);
}

#[actix_web::test]
async fn a_role_without_the_permission_is_403_and_says_which() {
    let world = World::new();
    let request = json_post("/things", "{\"title\":\"a\"}")
        .insert_header(("authorization", format!("Bearer {}", world.token(Role::Viewer))))
        .insert_header(("idempotency-key", "k"));
    let answer = ask(&world, request).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.problem("forbidden")["permission"], access::Permission::ProductWrite.to_string());
}

#[actix_web::test]
async fn a_create_needs_a_well_formed_idempotency_key() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(Role::Owner));
    let post = || json_post("/things", "{\"title\":\"a\"}").insert_header(("authorization", token.clone()));
    let missing = ask(&world, post()).await;
    assert_eq!(missing.status, 400);
    missing.problem("idempotency-key-missing");
    for key in ["", "two words", &"x".repeat(256)] {
        let answer = ask(&world, post().insert_header(("idempotency-key", key))).await;
        assert_eq!(answer.status, 400, "{key}");
        answer.problem("malformed-header");
    }
}

#[actix_web::test]
async fn without_the_database_a_command_is_503_and_tells_nothing_of_it() {
    let world = World::new();
    let request = json_post("/things", "{\"title\":\"a\"}")
        .insert_header(("authorization", format!("Bearer {}", world.token(Role::Owner))))
        .insert_header(("idempotency-key", "k"));
    let answer = ask(&world, request).await;
    assert_eq!(answer.status, 503);
    let problem = answer.problem("unavailable").to_string();
    assert_eq!(answer.header("retry-after"), "1");
    for inside in ["postgres", "127.0.0.1", "refused", "connection"] {
        assert!(!problem.contains(inside), "{problem}");
    }
}

#[actix_web::test]
async fn a_panic_is_500_without_its_message() {
    let answer = ask(&World::new(), TestRequest::get().uri("/panics")).await;
    assert_eq!(answer.status, 500);
    let problem = answer.problem("internal").to_string();
    assert!(!problem.contains("secret of the house") && !problem.contains(".rs"), "{problem}");
}

#[actix_web::test]
async fn a_cause_never_reaches_the_client() {
    let answer = ask(&World::new(), TestRequest::get().uri("/breaks")).await;
    assert_eq!(answer.status, 500);
    assert!(!answer.problem("internal").to_string().contains("hunter2"));
}

#[actix_web::test]
async fn a_problem_of_the_service_keeps_its_type_detail_and_fields() {
    let answer = ask(&World::new(), TestRequest::get().uri("/taken")).await;
    assert_eq!(answer.status, 409);
    let problem = answer.problem("sku-taken");
    assert_eq!(problem["detail"], "S-1 is taken.");
    assert_eq!(problem["errors"], json!([{"field": "sku", "reason": "is taken"}]));
}

#[actix_web::test]
async fn an_unknown_or_closed_organisation_is_404() {
    let world = World::new();
    for slug in ["no-shop", "closed-shop"] {
        let answer = ask(&world, TestRequest::get().uri(&format!("/store/{slug}/shop"))).await;
        assert_eq!(answer.status, 404, "{slug}");
        answer.problem("organisation-not-found");
    }
}

#[actix_web::test]
async fn a_change_needs_the_version_that_it_is_based_on() {
    let world = World::new();
    let patch = || TestRequest::patch().uri("/things/1");
    let missing = ask(&world, patch()).await;
    assert_eq!(missing.status, 428);
    missing.problem("precondition-required");
    for value in ["7", "\"7", "*, \"7\"", ""] {
        let answer = ask(&world, patch().insert_header(("if-match", value))).await;
        assert_eq!(answer.status, 400, "{value}");
        answer.problem("malformed-header");
    }
    for value in ["\"6\"", "\"x\"", "W/\"7\"", "\"07\"", "\"+7\"", "\"5\", \"6\""] {
        let stale = ask(&world, patch().insert_header(("if-match", value))).await;
        assert_eq!(stale.status, 412, "{value}");
        assert_eq!(stale.problem("stale")["current_version"], 7);
    }
    for value in ["\"7\"", "*", "\"6\", \"7\"", "W/\"6\" , \"7\""] {
        assert_eq!(ask(&world, patch().insert_header(("if-match", value))).await.status, 200, "{value}");
    }
    let two_lines = patch().append_header(("if-match", "\"6\"")).append_header(("if-match", "\"7\""));
    assert_eq!(ask(&world, two_lines).await.status, 200);
}

#[actix_web::test]
async fn an_upload_has_a_limit_and_a_type() {
    let world = World::new();
    let post = |content_type: &str, size: usize| {
        TestRequest::post().uri("/import").insert_header(("content-type", content_type)).set_payload("x".repeat(size))
    };
    assert_eq!(ask(&world, post("text/html", 10)).await.status, 415);
    let big = ask(&world, post("application/x-ndjson", 1_001)).await;
    assert_eq!(big.status, 413);
    big.problem("body-too-large");
}
