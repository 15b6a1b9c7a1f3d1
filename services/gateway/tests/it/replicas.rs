//! Replicas that are away, hang up, or say nothing.

use std::time::{Duration, Instant};

use gateway::routes::Service;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::fake::{Echo, Raw, nobody, read_head};
use crate::stage::{Gateway, behaviour};

#[tokio::test]
async fn replicas_take_turns_and_a_dead_one_costs_no_request() {
    let [first, second] = ["first", "second"].map(Echo::start);
    let replicas = [first.address, nobody(), second.address];
    let gateway = Gateway::start(&[(Service::Order, &replicas)], behaviour());
    for _ in 0..30 {
        // A POST without a key: safe to send on, because nothing was sent to the dead one.
        let reply = gateway.anyone().without_key().post("/store/v1/acme/orders", &json!({})).await;
        assert_eq!(reply.0, 200);
    }
    assert_eq!(first.count() + second.count(), 30);
    assert!(first.count() >= 8 && second.count() >= 8, "{} and {}", first.count(), second.count());
}

#[tokio::test]
async fn a_replica_that_stops_while_in_use_is_replaced_by_the_other() {
    let [first, second] = ["first", "second"].map(Echo::start);
    let gateway = Gateway::start(&[(Service::Order, &[first.address, second.address])], behaviour());
    let client = gateway.staff();
    for _ in 0..10 {
        assert_eq!(client.get("/admin/v1/orders").await.0, 200);
    }
    first.stop().await;
    for _ in 0..20 {
        assert_eq!(client.get("/admin/v1/orders").await.1["service"], "second");
    }
}

#[tokio::test]
async fn without_any_replica_the_answer_is_503_and_says_when_to_come_again() {
    let gateway = Gateway::start(&[(Service::Order, &[nobody(), nobody()])], behaviour());
    let reply = gateway.staff().send(Method::GET, "/admin/v1/orders", None).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(reply.json()["type"], "/problems/unavailable");
    assert!(!reply.text().contains("127.0.0.1"), "an inner address leaked: {}", reply.text());
}

#[tokio::test]
async fn after_a_broken_connection_only_what_is_harmless_is_sent_again() {
    let echo = Echo::start("order");
    let repeated = [
        (Method::GET, "/store/v1/acme/orders/1", false),
        (Method::PUT, "/store/v1/acme/orders/1", false),
        (Method::POST, "/store/v1/acme/orders", true),
    ];
    for (method, path, keyed) in repeated {
        let broken = Raw::hanging_up().await;
        let gateway = Gateway::start(&[(Service::Order, &[broken.address, echo.address])], behaviour());
        let client = if keyed { gateway.anyone() } else { gateway.anyone().without_key() };
        for _ in 0..2 {
            assert_eq!(client.send(method.clone(), path, Some(b"{}".to_vec())).await.status, 200, "{method}");
        }
        assert_eq!(broken.count(), 1, "{method}: the broken one was asked once and is out then");
    }
    let before = echo.count();
    let broken = Raw::hanging_up().await;
    let gateway = Gateway::start(&[(Service::Order, &[broken.address, echo.address])], behaviour());
    let reply = gateway.anyone().without_key().post_reply("/store/v1/acme/orders", &json!({})).await;
    assert_eq!((reply.status, reply.json()["type"].as_str()), (502, Some("/problems/bad-upstream")));
    assert_eq!((broken.count(), echo.count()), (1, before), "an order was placed twice");
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up_at_the_limit() {
    let silent = Raw::start(|mut stream| async move {
        read_head(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut hasty = behaviour();
    hasty.answer_limit = Duration::from_millis(300);
    let gateway = Gateway::start(&[(Service::Order, &[silent.address])], hasty);
    let begun = Instant::now();
    let reply = gateway.staff().send(Method::GET, "/admin/v1/orders", None).await;
    assert_eq!((reply.status, reply.json()["type"].as_str()), (504, Some("/problems/upstream-timeout")));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let waiting = gateway.staff().with("prefer", "wait=1").send(Method::GET, "/admin/v1/orders", None).await;
    assert_eq!(waiting.status, 504);
    assert!(begun.elapsed() > Duration::from_millis(1_500), "the preferred wait was not added");
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_502() {
    for answer in [
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let raw = Raw::answering(answer).await;
        let gateway = Gateway::start(&[(Service::Order, &[raw.address])], behaviour());
        let reply = gateway.staff().send(Method::GET, "/admin/v1/orders", None).await;
        assert_eq!((reply.status, reply.json()["type"].as_str()), (502, Some("/problems/bad-upstream")), "{answer}");
    }
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_does_not_wait_for_idle_clients() {
    let (asked, was_asked) = tokio::sync::watch::channel(false);
    let (go, may_go) = tokio::sync::watch::channel(false);
    let asked = std::sync::Arc::new(asked);
    let slow = Raw::start(move |mut stream| {
        let (asked, mut may_go) = (std::sync::Arc::clone(&asked), may_go.clone());
        async move {
            read_head(&mut stream).await;
            asked.send_replace(true);
            may_go.wait_for(|go| *go).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    })
    .await;
    let gateway = Gateway::start(&[(Service::Order, &[slow.address])], behaviour());
    let (idle, busy) = (gateway.anyone(), gateway.staff());
    assert_eq!(idle.get("/nowhere").await.0, 404);
    let under_way = tokio::spawn(async move { busy.send(Method::GET, "/admin/v1/orders", None).await });
    was_asked.clone().wait_for(|asked| *asked).await.unwrap();
    let stopping = tokio::spawn(gateway.server.stop());
    go.send_replace(true);
    let begun = Instant::now();
    assert_eq!(under_way.await.unwrap().status, 200);
    stopping.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "the stop took {:?}", begun.elapsed());
    assert!(idle.try_send(Method::GET, "/nowhere", None).await.is_err());
}
