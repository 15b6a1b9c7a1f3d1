//! The real server on a real socket: slow bodies, head limits, a panic, an orderly stop.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{World, routes};

/// A server that serves until it is stopped.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }
}

fn start(world: &World) -> Served {
    let server = rest::server::bind(([127, 0, 0, 1], 0).into(), 1, world.app.clone(), routes()).unwrap();
    let stop = CancellationToken::new();
    Served { address: server.address(), stop: stop.clone(), running: tokio::spawn(server.run(stop)) }
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_ends_is_408_after_its_time() {
    let world = World::new();
    let server = start(&world);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        .await
        .unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("/problems/request-timeout"), "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(9) && began.elapsed() < Duration::from_secs(20));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_answered_and_the_connection_goes_on() {
    let world = World::new();
    let server = start(&world);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /panics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    stream.write_all(b"GET /things HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answers = read_all(&mut stream).await;
    let (panic, next) = answers.split_at(answers.rfind("HTTP/1.1 ").unwrap());
    assert!(panic.starts_with("HTTP/1.1 500"), "{answers}");
    assert!(panic.contains("application/problem+json") && panic.contains("/problems/internal"), "{answers}");
    assert!(!panic.contains("secret of the house"), "{answers}");
    assert!(next.starts_with("HTTP/1.1 200"), "{answers}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_runs_and_takes_nothing_new() {
    let world = World::new();
    let server = start(&world);
    let address = server.address;
    let mut running = TcpStream::connect(address).await.unwrap();
    running
        .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n")
        .await
        .unwrap();
    // A second request on another connection proves that the first one has been taken.
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"GET /things HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut other).await.starts_with("HTTP/1.1 200"));

    let stopping = tokio::spawn(server.stop());
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "the server still takes connections");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.write_all(b"{\"title\":\"a\"}").await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(Duration::from_secs(20), running.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(running);
    tokio::time::timeout(Duration::from_secs(20), stopping).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_an_error_that_says_so() {
    let world = World::new();
    let server = start(&world);
    let error = rest::server::bind(server.address, 1, world.app.clone(), routes()).unwrap_err();
    assert!(error.to_string().contains("HTTP_ADDRESS"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_hold_up_a_stop() {
    let world = World::new();
    let server = start(&world);
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /things HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let _never_used = TcpStream::connect(server.address).await.unwrap();
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Sends bytes as they are and returns everything up to the end of the connection.
async fn raw(server: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_as_get_without_the_body() {
    let world = World::new();
    let server = start(&world);
    for path in ["/things", "/things/1", "/things/cached", "/openapi.json", "/me", "/nowhere"] {
        let ask = async |method: &str| {
            let answer =
                raw(&server, &format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let own = ["date:", "x-request-id:", "traceparent:"];
            let mut lines: Vec<String> = head.lines().map(str::to_lowercase).collect();
            lines.retain(|line| !own.iter().any(|name| line.starts_with(name)));
            lines.sort();
            (lines, body.len())
        };
        let ((head, none), (get, some)) = (ask("HEAD").await, ask("GET").await);
        assert_eq!(head, get, "{path}");
        assert!(none == 0 && some > 0, "{path}");
        assert!(head.iter().any(|line| *line == format!("content-length: {some}")), "{path}: {head:?}");
    }
    let unchanged =
        raw(&server, "HEAD /things/1 HTTP/1.1\r\nhost: x\r\nif-none-match: \"1\"\r\nconnection: close\r\n\r\n").await;
    assert!(unchanged.starts_with("HTTP/1.1 304"), "{unchanged}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_chunks_are_broken_is_400() {
    let world = World::new();
    let server = start(&world);
    for (path, content_type) in [("/echo", "application/json"), ("/import", "application/x-ndjson")] {
        for size in ["ZZ", &"f".repeat(17), "-1"] {
            let answer = raw(
                &server,
                &format!(
                    "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\n\
                     transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n{size}\r\nhello\r\n0\r\n\r\n"
                ),
            )
            .await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{path} {size}: {answer}");
            assert!(answer.contains("/problems/malformed-request"), "{path} {size}: {answer}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_early_is_not_listened_to_for_long() {
    let world = World::new();
    let server = start(&world);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"POST /import HTTP/1.1\r\nhost: x\r\ncontent-type: text/html\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let began = Instant::now();
    let piece = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    let mut sent = 0;
    while stream.write_all(piece.as_bytes()).await.is_ok() {
        sent += piece.len();
        assert!(began.elapsed() < Duration::from_secs(15), "it still listens after {sent} bytes");
    }
    assert!(sent > 20_000_000, "it was closed after {sent} bytes, before many clients would look at the answer");
    server.stop().await;
}
