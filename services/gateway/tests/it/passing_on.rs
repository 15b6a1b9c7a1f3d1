//! What a service gets of a request, and what the client gets of an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway::routes::Service;
use reqwest::Method;
use serde_json::Value;
use testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::fake::{Echo, Raw, read_head, received};
use crate::stage::{Gateway, behaviour};

fn body_of(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer}"))
}

#[tokio::test]
async fn no_forged_identity_or_forwarding_header_reaches_a_service() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let forged = [
        "X-User-Id",
        "x_user_id",
        "X-USER-ID",
        "X-User",
        "X-Tenant-Id",
        "x_tenant_id",
        "X-Organisation",
        "X-Organisation-Id",
        "x_organisation_id",
        "X-Organization-Id",
        "X-Internal-Role",
        "x_internal_role",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-User",
        "X-Forwarded_For",
        "Forwarded",
        "X-Real-IP",
        "x_real_ip",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
        "X-Request-Id",
        "x_request_id",
        "Via",
        "Proxy-Authorization",
        "TE",
        "Baggage",
        "X-Auth-User",
        "Keep-Alive",
    ];
    let mut request = String::from("GET /store/v1/acme/products HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n");
    for name in forged {
        request.push_str(&format!("{name}: forged\r\n"));
    }
    request.push_str("Order-Token: mine\r\nIf-None-Match: \"1\"\r\nUser-Agent: test\r\n\r\n");
    let seen = body_of(&gateway.raw(request).await);
    let headers = seen["headers"].as_array().unwrap();
    let leaked: Vec<_> = headers.iter().filter(|pair| pair[1].as_str().unwrap().contains("forged")).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_eq!(received(&seen, "order-token"), Some("mine"));
    assert_eq!(received(&seen, "if-none-match"), Some("\"1\""));
    assert_eq!(received(&seen, "user-agent"), Some("test"));
    assert_eq!(received(&seen, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received(&seen, "x-request-id").unwrap().len(), 36);
    assert_eq!(received(&seen, "traceparent").unwrap().len(), 55);
    assert_eq!(received(&seen, "host"), Some(echo.address.to_string().as_str()));
}

#[tokio::test]
async fn what_connection_names_goes_no_further_and_cannot_take_away_what_the_gateway_states() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let seen = body_of(
        &gateway
            .raw(
                "GET /store/v1/acme/products HTTP/1.1\r\nHost: shop\r\nX-Hop: 1\r\nX-Kept: 1\r\n\
                 Connection: close, X-Hop, X-Forwarded-For, X-Request-Id\r\n\r\n",
            )
            .await,
    );
    assert_eq!(received(&seen, "x-hop"), None);
    assert_eq!(received(&seen, "x-kept"), Some("1"));
    assert_eq!(received(&seen, "x-forwarded-for"), Some("127.0.0.1"));
    assert!(received(&seen, "x-request-id").is_some());

    let answer = gateway
        .raw(format!(
            "GET /admin/v1/products HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {}\r\nConnection: close, Authorization\r\n\r\n",
            gateway.token()
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn a_valid_trace_is_continued_and_the_reply_names_the_request() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let client = gateway.anyone().with("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let reply = client.send(Method::GET, "/store/v1/acme/products?category=x&sort=-title", None).await;
    let seen = reply.json();
    let passed = received(&seen, "traceparent").unwrap();
    assert!(
        passed.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && !passed.contains("b7ad6b7169203331"),
        "{passed}"
    );
    assert_eq!(reply.header("x-request-id"), received(&seen, "x-request-id"));
    assert_eq!(reply.header("x-kept"), Some("yes"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(seen["target"], "/store/v1/acme/products?category=x&sort=-title");
}

#[tokio::test]
async fn each_prefix_goes_to_its_service_and_the_key_set_to_auths() {
    let [auth, category, catalog, order] = ["auth", "category", "catalog", "order"].map(Echo::start);
    let gateway = Gateway::start(
        &[
            (Service::Auth, &[auth.address]),
            (Service::Category, &[category.address]),
            (Service::Catalog, &[catalog.address]),
            (Service::Order, &[order.address]),
        ],
        behaviour(),
    );
    for (path, service) in [
        ("/auth/v1/me", "auth"),
        ("/admin/v1/categories", "category"),
        ("/admin/v1/products/prod_1", "catalog"),
        ("/admin/v1/stock/SKU-1", "catalog"),
        ("/admin/v1/orders", "order"),
        ("/store/v1/acme/orders/ord_1", "order"),
    ] {
        assert_eq!(gateway.staff().get(path).await.1["service"], service, "{path}");
    }
    let (_, keys) = gateway.anyone().get("/.well-known/jwks.json").await;
    assert_eq!((&keys["service"], &keys["target"]), (&"auth".into(), &"/auth/v1/jwks".into()));
    // The notifier serves nobody through the gateway.
    assert_eq!(gateway.staff().get("/admin/v1/deliveries").await.0, 404);
}

#[tokio::test]
async fn an_idle_connection_is_used_again() {
    let raw = Raw::start(|mut stream| async move {
        while !read_head(&mut stream).await.is_empty() {
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\nX-Internal: 1\r\n\r\nok").await;
        }
    })
    .await;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
    let client = gateway.anyone();
    for _ in 0..20 {
        let reply = client.send(Method::GET, "/store/v1/acme/products", None).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
        assert_eq!((reply.header("server"), reply.header("x-internal")), (None, None));
    }
    // One per worker at most: one client connection stays with one worker.
    assert!(raw.count() <= 2, "{} connections for 20 requests", raw.count());
}

#[tokio::test]
async fn a_connection_that_the_service_closed_meanwhile_costs_no_request() {
    let answered = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&answered);
    // Says that it stays open and closes after each answer.
    let raw = Raw::start(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            read_head(&mut stream).await;
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
    for _ in 0..30 {
        assert_eq!(gateway.anyone().get("/store/v1/acme/products").await.0, 200);
    }
    assert_eq!(answered.load(Ordering::SeqCst), 30);
}

#[tokio::test]
async fn what_nobody_asked_for_is_no_answer_to_the_next_request() {
    let raw = Raw::start(|mut stream| async move {
        while !read_head(&mut stream).await.is_empty() {
            let own = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            let forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
            let _ = stream.write_all(&[own.as_slice(), forged].concat()).await;
        }
    })
    .await;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
    let client = gateway.anyone();
    for _ in 0..20 {
        let reply = client.send(Method::GET, "/store/v1/acme/products", None).await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    }
    assert_eq!(raw.count(), 20, "such a connection is not used again");
}

#[tokio::test]
async fn interim_answers_are_swallowed_and_a_change_of_protocol_is_refused() {
    for (answer, status) in [
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 502),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502),
    ] {
        let raw = Raw::answering(answer).await;
        let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
        let reply = gateway.anyone().send(Method::GET, "/store/v1/acme/products", None).await;
        assert_eq!(reply.status, status, "{answer}");
    }
}

#[tokio::test]
async fn a_preferred_wait_extends_the_time_limit_also_when_it_is_quoted() {
    let (release, released) = tokio::sync::watch::channel(false);
    let raw = Raw::start(move |mut stream| {
        let mut released = released.clone();
        async move {
            read_head(&mut stream).await;
            released.wait_for(|released| *released).await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let mut hasty = behaviour();
    hasty.answer_limit = Duration::from_millis(200);
    let gateway = Gateway::start(&[(Service::Order, &[raw.address])], hasty);
    let patient = ["wait=30", "wait=\"30\""].map(|prefer| {
        let client = gateway.staff().with("prefer", prefer);
        tokio::spawn(async move { client.send(Method::GET, "/admin/v1/orders", None).await })
    });
    eventually(Duration::from_secs(5), async || raw.count() == 2).await;
    // The others were sent before this one, so they have waited beyond the limit too when this one has.
    assert_eq!(gateway.staff().send(Method::GET, "/admin/v1/orders", None).await.status, 504);
    release.send_replace(true);
    for reply in patient {
        assert_eq!(reply.await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_stream_of_events_passes_as_it_comes_and_may_pause_for_longer_than_other_answers() {
    let (release, released) = tokio::sync::watch::channel(false);
    let raw = Raw::start(move |mut stream| {
        let mut released = released.clone();
        async move {
            let head = read_head(&mut stream).await;
            let is_stream = String::from_utf8_lossy(&head).contains("/events");
            let kind = if is_stream { "text/event-stream" } else { "application/x-ndjson" };
            let begin = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n");
            let _ = stream.write_all(begin.as_bytes()).await;
            let event = |id: i64| format!("id: {id}\nevent: order\ndata: {id}\n\n");
            let chunk = |event: String| format!("{:x}\r\n{event}\r\n", event.len());
            let _ = stream.write_all(chunk(event(1)).as_bytes()).await;
            released.wait_for(|released| *released).await.unwrap();
            let _ = stream.write_all(chunk(event(2)).as_bytes()).await;
            let _ = stream.write_all(b"0\r\n\r\n").await;
        }
    })
    .await;
    let mut hasty = behaviour();
    hasty.answer_limit = Duration::from_millis(200);
    let gateway = Gateway::start(&[(Service::Order, &[raw.address])], hasty);
    let staff = gateway.staff();
    let mut stream = staff.follow("/admin/v1/orders/one/events").await.unwrap();
    assert_eq!(stream.next().await.unwrap().id, 1, "it is passed on before the answer is complete");
    let other = staff.try_send(Method::GET, "/admin/v1/orders/one/lines", None).await;
    assert!(other.is_err(), "an answer that stalls is given up");
    release.send_replace(true);
    assert_eq!(stream.next().await.unwrap().id, 2);
    assert_eq!(stream.next().await, None);
}
