//! Requests that are refused before any service hears of them, and the shape of the refusal.

use gateway::routes::{KEY_EXCHANGE, Service};
use reqwest::Method;

use crate::fake::{Echo, METHODS};
use crate::stage::{Gateway, behaviour};

#[tokio::test]
async fn what_two_servers_could_read_differently_reaches_no_service() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let line = "GET /store/v1/acme/products HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n";
    let bad = [
        format!("{}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", line.replacen("GET", "POST", 1)),
        format!("{}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", line.replacen("GET", "POST", 1)),
        format!("{}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", line.replacen("GET", "POST", 1)),
        format!("{}Content-Length: +5\r\n\r\nhello", line.replacen("GET", "POST", 1)),
        format!("{}Transfer-Encoding: xchunked\r\n\r\n", line.replacen("GET", "POST", 1)),
        format!("{line}Host: other\r\n\r\n"),
        format!("{line}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
        "GET /store/v1/acme/products HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
        format!("{line}X Bad: 1\r\n\r\n"),
        format!("{line}X-Bad : 1\r\n\r\n"),
        format!("{line}X-Bad: a\0b\r\n\r\n"),
        format!("{line} folded: 1\r\n\r\n"),
    ];
    let targets = [
        "/store/v1/acme/products/..%2f..%2fadmin",
        "/store/v1/acme/../../../admin/v1/products",
        "/store/v1/acme/products/%2e%2e/x",
        "/store/v1/acme%2fproducts",
        "/store/v1/acme/products/%00",
        "/store/v1/acme/products/%zz",
        "/store/v1/acme/products/%5c",
        "/store/v1/acme/products?x=%00",
        "/store/v1/acme/products/./x",
    ];
    let bad = bad.into_iter().chain(targets.map(|target| line.replacen("/store/v1/acme/products", target, 1) + "\r\n"));
    for request in bad {
        let answer = gateway.raw(request.clone()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?} gave {answer}");
    }
    assert_eq!(echo.count(), 0);
}

#[tokio::test]
async fn a_sku_with_separators_reaches_the_catalog_byte_for_byte() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let targets =
        ["/admin/v1/stock/AB%2F1", "/admin/v1/stock/a%5cB%2f/movements?limit=1", "/admin/v1/stock/100%25/adjust"];
    for target in targets {
        let head = gateway.post_head(target, "Content-Length: 0");
        let answer = gateway.raw(head).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("\"target\":\"{target}\"")), "{answer}");
    }
    let staff = gateway.staff();
    for target in ["/admin/v1/stock/..%2Fproducts", "/admin/v1/stock/a/adjust%2Fb", "/admin/v1/products/a%5Cb"] {
        assert_eq!(staff.send(Method::GET, target, None).await.status, 400, "{target}");
    }
    assert_eq!(gateway.anyone().send(Method::GET, "/admin/v1/stock/AB%2F1", None).await.status, 401);
    assert_eq!(echo.count(), targets.len());
}

#[tokio::test]
async fn every_refusal_is_a_problem_and_names_the_request() {
    let echo = Echo::start("catalog");
    let mut small = behaviour();
    small.body_limit = 100;
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], small);
    let staff = gateway.staff();
    let long = format!("/store/v1/acme/products?x={}", "a".repeat(9_000));
    let cases = [
        (staff.send(Method::GET, "/nowhere", None).await, 404, "not-found"),
        (staff.send(Method::GET, "/", None).await, 404, "not-found"),
        (staff.send(Method::TRACE, "/admin/v1/products", None).await, 405, "method-not-allowed"),
        (staff.send(Method::POST, "/openapi.json", None).await, 405, "method-not-allowed"),
        (staff.send(Method::DELETE, "/docs", None).await, 405, "method-not-allowed"),
        (staff.send(Method::POST, "/admin/v1/products", Some(vec![b'x'; 101])).await, 413, "body-too-large"),
        (staff.send(Method::GET, &long, None).await, 414, "uri-too-long"),
        (staff.send(Method::GET, "/admin/v1/products/a%2fb", None).await, 400, "malformed-request"),
        (gateway.anyone().send(Method::GET, "/admin/v1/products", None).await, 401, "unauthenticated"),
    ];
    for (reply, status, kind) in cases {
        let problem = reply.json();
        assert_eq!(reply.status, status, "{kind}: {problem}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{kind}");
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
        assert_eq!(problem["request_id"].as_str().map(str::len), Some(36), "{kind}");
        if status == 405 {
            assert!(reply.header("allow").is_some_and(|allow| allow.contains("GET")), "{kind}");
        }
    }
    assert_eq!(echo.count(), 0);
}

#[tokio::test]
async fn a_method_that_no_service_has_is_405_with_the_methods_of_its_path() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    for method in ["TRACE", "PROPFIND", "FROB", "CONNECT"] {
        let ask = async |path: &str| {
            gateway.raw(format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")).await
        };
        let answer = ask("/store/v1/acme/products").await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{method}: {answer}");
        assert!(answer.contains(&format!("allow: {METHODS}\r\n")), "{method}: {answer}");
        for (path, status) in [("/nowhere", 404), ("/admin/v1/products", 401)] {
            let answer = ask(path).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
        }
    }
    for page in ["/docs", "/openapi.json"] {
        let told = gateway.anyone().send(Method::OPTIONS, page, None).await;
        assert_eq!((told.status, told.header("allow")), (204, Some("GET, HEAD, OPTIONS")), "{page}");
        let refused = gateway.anyone().send(Method::PATCH, page, None).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")), "{page}");
    }
    let told = gateway.anyone().send(Method::OPTIONS, "/store/v1/acme/products", None).await;
    assert_eq!((told.status, told.header("allow")), (204, Some(METHODS)));
    assert_eq!(echo.count(), 0);
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body_also_on_the_gateways_own_pages() {
    let echo = Echo::start("auth");
    let gateway = Gateway::start(&[(Service::Auth, &[echo.address])], behaviour());
    for path in ["/docs", "/openapi.json", "/.well-known/jwks.json", "/auth/v1/jwks"] {
        let get = gateway.anyone().send(Method::GET, path, None).await;
        let answer = gateway.raw(format!("HEAD {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && get.status == 200, "{path}: {head}");
        assert_eq!(body, "", "{path}");
        assert!(head.contains("content-length: ") && !head.contains("content-length: 0"), "{path}: {head}");
        assert!(head.contains(get.header("content-type").unwrap()), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_body_that_turns_out_too_long_is_refused_while_it_streams() {
    let echo = Echo::start("catalog");
    let mut small = behaviour();
    small.body_limit = 100;
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], small);
    let head = gateway.post_head("/admin/v1/products", "Transfer-Encoding: chunked");
    let answer = gateway.raw(format!("{head}40\r\n{0}\r\n40\r\n{0}\r\n0\r\n\r\n", "x".repeat(64))).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(echo.count(), 0, "half a body looked like a whole one");
}

#[tokio::test]
async fn a_413_names_the_limit_of_its_route() {
    let services = Service::ALL.map(|service| Echo::start(service.name()));
    let addresses = services.each_ref().map(|echo| [echo.address]);
    let pairs: Vec<_> = Service::ALL.iter().zip(&addresses).map(|(service, at)| (*service, &at[..])).collect();
    let gateway = Gateway::start(&pairs, behaviour());
    let mut checked = 0;
    for service in Service::ALL {
        let file = format!("{}/../../docs/openapi/{}.json", env!("CARGO_MANIFEST_DIR"), service.name());
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        // The gateway alone asks there.
        for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| *path != KEY_EXCHANGE) {
            for (method, operation) in item.as_object().unwrap() {
                let about = operation["requestBody"]["description"].as_str().unwrap_or_default();
                let Some(limit) = about.strip_prefix("At most ").and_then(|rest| rest.strip_suffix(" bytes.")) else {
                    continue;
                };
                let limit: usize = limit.parse().unwrap();
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let path = path.replace(['{', '}'], "");
                let too_long = gateway.staff().send(method, &path, Some(vec![b'x'; limit + 1])).await;
                assert_eq!((too_long.status, &too_long.json()["limit_bytes"]), (413, &limit.into()), "{path}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "only {checked} routes take a body");
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_are_shed() {
    // Answers nothing until the test ends.
    let raw = crate::fake::Raw::start(|mut stream| async move {
        crate::fake::read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut narrow = behaviour();
    narrow.at_once = 1;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], narrow);
    let holding = gateway.anyone();
    let held = tokio::spawn(async move { holding.try_send(Method::GET, "/store/v1/acme/products", None).await });
    testkit::eventually(std::time::Duration::from_secs(5), async || raw.count() == 1).await;
    let reply = gateway.anyone().send(Method::GET, "/store/v1/acme/products", None).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.json()["type"], "/problems/unavailable");
    held.abort();
    // The place is free again once the first client has gone.
    testkit::eventually(std::time::Duration::from_secs(5), async || gateway.anyone().get("/nowhere").await.0 == 404)
        .await;
}
