//! Bodies on their way through, in both directions.

use std::time::Duration;

use gateway::routes::Service;
use reqwest::Method;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fake::{Echo, Raw, read_head, received};
use crate::stage::{Gateway, behaviour};

#[tokio::test]
async fn bodies_of_any_size_arrive_whole() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    for length in [0, 1, 64 * 1024, 64 * 1024 + 1, 1 << 20] {
        let reply = gateway.staff().send(Method::POST, "/admin/v1/products", Some(vec![b'x'; length])).await;
        assert_eq!((reply.status, reply.json()["length"].as_u64()), (200, Some(length as u64)));
        assert_eq!(received(&reply.json(), "content-length"), Some(length.to_string().as_str()));
    }
    let import = gateway.staff().send(Method::POST, "/admin/v1/imports", Some(vec![b'x'; 10 << 20])).await;
    assert_eq!((import.status, import.json()["length"].as_u64()), (200, Some(10 << 20)));
}

/// Reads until the pattern stands in what came; fails when it does not come.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), read: &mut String, pattern: &str) {
    let mut buffer = [0; 4096];
    while !read.contains(pattern) {
        let length = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(length > 0, "it ended before {pattern}: {read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

#[tokio::test]
async fn results_come_back_while_rows_still_go_out() {
    // Answers each line as it comes, as an import does.
    let service = Raw::start(|mut stream| async move {
        let mut read = String::from_utf8(read_head(&mut stream).await).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        for row in ["row-1", "row-2", "row-3"] {
            read_until(&mut stream, &mut read, row).await;
            stream
                .write_all(format!("{:x}\r\nresult of {row}\r\n", "result of ".len() + row.len()).as_bytes())
                .await
                .unwrap();
        }
        read_until(&mut stream, &mut read, "\r\n0\r\n\r\n").await;
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    })
    .await;
    let gateway = Gateway::start(&[(Service::Catalog, &[service.address])], behaviour());
    let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
    let head = gateway.post_head("/admin/v1/imports", "Transfer-Encoding: chunked");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut read = String::new();
    for row in ["row-1", "row-2", "row-3"] {
        client.write_all(format!("5\r\n{row}\r\n").as_bytes()).await.unwrap();
        // The next row is sent only when the result of this one is here.
        read_until(&mut client, &mut read, &format!("result of {row}")).await;
    }
    client.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut client, &mut read, "\r\n0\r\n\r\n").await;
    assert!(read.starts_with("HTTP/1.1 200 OK"), "{read}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_never_looks_complete() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
    ] {
        let raw = Raw::answering(answer).await;
        let gateway = Gateway::start(&[(Service::Order, &[raw.address])], behaviour());
        let outcome = gateway.staff().try_send(Method::GET, "/admin/v1/orders", None).await;
        assert!(outcome.is_err(), "{answer:?} came through as {outcome:?}");
    }
}

#[tokio::test]
async fn a_client_that_stops_half_way_leaves_no_half_request_that_looks_whole() {
    let echo = Echo::start("catalog");
    let mut hasty = behaviour();
    hasty.body_patience = Duration::from_millis(200);
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], hasty);
    for request in [
        gateway.post_head("/admin/v1/products", "Content-Length: 10") + "half",
        gateway.post_head("/admin/v1/products", "Content-Length: 100000") + "half",
        gateway.post_head("/admin/v1/imports", "Transfer-Encoding: chunked") + "4\r\nhalf\r\n",
    ] {
        let answer = gateway.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("/problems/request-timeout"), "{answer}");
    }
    assert_eq!(echo.count(), 0);
}

#[tokio::test]
async fn an_early_answer_to_a_long_upload_arrives() {
    let raw = Raw::answering("HTTP/1.1 415 Unsupported Media Type\r\nContent-Length: 2\r\n\r\nno").await;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
    let head = gateway.post_head("/admin/v1/imports", "Content-Length: 1000000") + "half";
    let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    let mut read = String::new();
    read_until(&mut client, &mut read, "\r\n\r\nno").await;
    assert!(read.starts_with("HTTP/1.1 415"), "{read}");
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one() {
    let raw = Raw::start(|mut stream| async move {
        loop {
            let head = read_head(&mut stream).await;
            let answer: &[u8] = match head.split(|byte| *byte == b'/').nth(4) {
                None => return,
                Some(name) if name.starts_with(b"none") => b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
                Some(name) if name.starts_with(b"same") => {
                    b"HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\nContent-Length: 9\r\n\r\n"
                }
                Some(_) => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            };
            let _ = stream.write_all(answer).await;
        }
    })
    .await;
    let gateway = Gateway::start(&[(Service::Order, &[raw.address])], behaviour());
    let client = gateway.staff();
    for _ in 0..3 {
        let none = client.send(Method::GET, "/admin/v1/orders/none", None).await;
        assert_eq!((none.status, none.bytes.len(), none.header("x-a")), (204, 0, Some("1")));
        let same = client.send(Method::GET, "/admin/v1/orders/same", None).await;
        assert_eq!((same.status, same.bytes.len(), same.header("etag")), (304, 0, Some("\"7\"")));
        let head = client.send(Method::HEAD, "/admin/v1/orders/head", None).await;
        assert_eq!((head.status, head.bytes.len(), head.header("content-length")), (200, 0, Some("9")));
    }
    assert!(raw.count() <= 2, "a bodiless answer cost its connection");
}

#[tokio::test]
async fn an_early_answer_arrives_also_when_the_service_closes_on_what_is_still_coming() {
    // Reads no more than the head: closing then resets the connection, and what is still sent to it fails.
    let raw = Raw::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno").await;
    })
    .await;
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
    for _ in 0..50 {
        let (mut reading, mut writing) = TcpStream::connect(gateway.server.address()).await.unwrap().into_split();
        let head = gateway.post_head("/admin/v1/imports", "Content-Length: 10000000");
        let sending = tokio::spawn(async move {
            writing.write_all(head.as_bytes()).await.unwrap();
            while writing.write_all(&[b'x'; 60_000]).await.is_ok() {}
        });
        let mut read = String::new();
        read_until(&mut reading, &mut read, "\r\n\r\nno").await;
        assert!(read.starts_with("HTTP/1.1 413"), "{read}");
        sending.abort();
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_connection_to_the_service_with_it() {
    let began: [&[u8]; 3] = [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ];
    for began in began {
        let (closed, was_closed) = tokio::sync::watch::channel(false);
        let closed = std::sync::Arc::new(closed);
        let raw = Raw::start(move |mut stream| {
            let closed = std::sync::Arc::clone(&closed);
            async move {
                read_head(&mut stream).await;
                stream.write_all(began).await.unwrap();
                let _ = stream.read(&mut [0; 1]).await;
                closed.send_replace(true);
            }
        })
        .await;
        let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], behaviour());
        let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
        client.write_all(b"GET /store/v1/acme/products HTTP/1.1\r\nHost: shop\r\n\r\n").await.unwrap();
        testkit::eventually(Duration::from_secs(5), async || raw.count() == 1).await;
        if !began.is_empty() {
            read_until(&mut client, &mut String::new(), "half").await;
        }
        assert!(!*was_closed.borrow());
        drop(client);
        let mut was_closed = was_closed;
        tokio::time::timeout(Duration::from_secs(5), was_closed.wait_for(|closed| *closed)).await.unwrap().unwrap();
    }
}

/// Writes everything and only then reads, as many clients do. What came, up to the end of the connection.
async fn write_then_read(gateway: &Gateway, head: &str, pieces: usize) -> String {
    let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    let piece = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
    for _ in 0..pieces {
        if client.write_all(piece.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const CHUNKED: &str = "POST /admin/v1/imports HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_refused_upload_of_twenty_megabytes_is_answered_and_the_connection_closed() {
    let echo = Echo::start("catalog");
    let redis = devstack::shared_cluster().await.unwrap().redis_url.clone();
    let mut counted = behaviour();
    // The question to Redis gives the upload time to fill the server's buffers.
    counted.allowances.address = 1_000_000;
    let gateway = Gateway::with(2, &[(Service::Catalog, &[echo.address])], counted, &redis, Vec::new());
    for attempt in 0..40 {
        let answered = tokio::time::timeout(Duration::from_secs(10), write_then_read(&gateway, CHUNKED, 200)).await;
        let answer = answered.unwrap_or_else(|_| panic!("attempt {attempt} was neither read nor closed"));
        assert!(answer.starts_with("HTTP/1.1 401"), "attempt {attempt}: {answer}");
        assert!(answer.contains("/problems/unauthenticated"), "attempt {attempt}: {answer}");
    }
    assert_eq!(echo.count(), 0);
}

#[tokio::test]
async fn an_upload_that_never_ends_does_not_outlive_its_refusal_for_long() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
    client.write_all(CHUNKED.as_bytes()).await.unwrap();
    let begun = std::time::Instant::now();
    // Slowly enough to stay below every bound on the amount.
    while client.write_all(b"4\r\nmore\r\n").await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it is still listened to");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "it was closed before its client could read the answer");
}

#[tokio::test]
async fn a_short_body_that_nobody_reads_does_not_cost_the_connection() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
    for body in ["Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"] {
        for _ in 0..3 {
            let request = format!("POST /admin/v1/products HTTP/1.1\r\nHost: shop\r\n{body}");
            client.write_all(request.as_bytes()).await.unwrap();
            let mut read = String::new();
            read_until(&mut client, &mut read, "\"type\":\"/problems/unauthenticated\"}").await;
            assert!(read.starts_with("HTTP/1.1 401"), "{read}");
            assert!(!read.to_lowercase().contains("connection: close"), "{read}");
        }
    }
}

#[tokio::test]
async fn a_body_whose_chunks_are_broken_is_400() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let long = "f".repeat(17);
    for path in ["/admin/v1/products", "/admin/v1/imports"] {
        for size in ["ZZ", long.as_str(), "-1", "5 x"] {
            for before in ["", "4\r\nhalf\r\n"] {
                let head = gateway.post_head(path, "Transfer-Encoding: chunked");
                let answer = gateway.raw(format!("{head}{before}{size}\r\nhello\r\n0\r\n\r\n")).await;
                assert!(answer.starts_with("HTTP/1.1 400"), "{path} {before:?} {size}: {answer:?}");
                assert!(answer.contains("/problems/malformed-request"), "{path} {before:?} {size}: {answer}");
                assert!(answer.to_lowercase().contains("connection: close"), "{path} {size}: {answer}");
            }
        }
    }
    assert_eq!(echo.count(), 0, "a broken body looked like a whole one");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off_and_its_place_is_free_again() {
    // Sends for as long as somebody takes it.
    let raw = Raw::start(|mut stream| async move {
        let head = read_head(&mut stream).await;
        if head.starts_with(b"GET /store/v1/acme/products/endless") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
            while stream.write_all(&[b'x'; 60_000]).await.is_ok() {}
        } else {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let mut narrow = behaviour();
    narrow.at_once = 4;
    narrow.pace = rest::server::Pace { bytes: 100_000, within: Duration::from_secs(2) };
    let gateway = Gateway::start(&[(Service::Catalog, &[raw.address])], narrow);
    let request = "GET /store/v1/acme/products/endless HTTP/1.1\r\nHost: shop\r\n\r\n";
    let mut slow = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(gateway.server.address()).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        slow.push(tokio::spawn(async move {
            let mut buffer = [0; 4];
            loop {
                client.read_exact(&mut buffer).await.unwrap();
                // A few bytes a second, until it is cut off.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }));
    }
    // One that takes its answer slowly, but fast enough.
    let mut steady = TcpStream::connect(gateway.server.address()).await.unwrap();
    steady.write_all(request.as_bytes()).await.unwrap();
    // A look at the places takes one, so it comes after all four have theirs.
    testkit::eventually(Duration::from_secs(5), async || raw.count() == 4).await;
    assert_eq!(gateway.anyone().send(Method::GET, "/store/v1/acme/products", None).await.status, 503);
    let mut taken = 0;
    let mut buffer = vec![0; 100_000];
    let begun = std::time::Instant::now();
    let mut free_after = None;
    while begun.elapsed() < Duration::from_secs(8) {
        taken += steady.read(&mut buffer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        if free_after.is_none()
            && gateway.anyone().send(Method::GET, "/store/v1/acme/products", None).await.status == 200
        {
            free_after = Some(begun.elapsed());
        }
    }
    assert!(free_after.is_some(), "no place became free");
    assert!(taken > 1_000_000, "the steady reader got {taken} bytes");
    for slow in slow {
        slow.abort();
    }
}
