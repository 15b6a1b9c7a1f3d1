//! Fake services: one that tells what it received, one that answers with given bytes, and one that is not there.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A service that answers 200 with what it received: method, target, headers, length of the body, its own name. It
/// answers OPTIONS as the services do, and does not count that: the gateway may ask it by itself.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicUsize>,
    handle: ServerHandle,
}

/// The methods of an echo's every path.
pub(crate) const METHODS: &str = "GET, HEAD, POST, OPTIONS";

impl Echo {
    pub(crate) fn start(name: &'static str) -> Echo {
        Echo::serving("127.0.0.1:0", name, json!({ "openapi": "3.1.0", "info": {}, "paths": {} }))
    }

    /// The same at an address of its own and with an OpenAPI document.
    pub(crate) fn serving(address: impl ToSocketAddrs, name: &'static str, document: Value) -> Echo {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let server = HttpServer::new(move || {
            let (counted, document) = (Arc::clone(&counted), document.clone());
            App::new()
                .app_data(web::PayloadConfig::new(1 << 26))
                .route("/openapi.json", web::get().to(move || std::future::ready(HttpResponse::Ok().json(&document))))
                .default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                    if request.method() == Method::OPTIONS {
                        let told = HttpResponse::NoContent().insert_header((ALLOW, METHODS)).finish();
                        return std::future::ready(told);
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    let headers: Vec<_> = request
                        .headers()
                        .iter()
                        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
                        .collect();
                    std::future::ready(HttpResponse::Ok().insert_header(("x-kept", "yes")).json(json!({
                        "service": name,
                        "method": request.method().as_str(),
                        "target": request.uri().to_string(),
                        "headers": headers,
                        "length": body.len(),
                    })))
                }))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Echo { address, requests, handle }
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// The value of a header that an echo received.
pub(crate) fn received<'a>(echo: &'a Value, name: &str) -> Option<&'a str> {
    echo["headers"].as_array()?.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str())
}

/// A service of raw sockets: `act` gets each connection.
pub(crate) struct Raw {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Raw {
    pub(crate) async fn start<F: Future<Output = ()> + Send + 'static>(
        act: impl Fn(TcpStream) -> F + Send + Sync + 'static,
    ) -> Raw {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(act(stream));
            }
        });
        Raw { address, connections }
    }

    /// Reads a request's head and closes without a word.
    pub(crate) async fn hanging_up() -> Raw {
        Raw::start(|mut stream| async move {
            read_head(&mut stream).await;
        })
        .await
    }

    /// Answers every connection's first request with these bytes and closes.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Raw {
        let answer = Arc::new(answer.into());
        Raw::start(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    pub(crate) fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads up to the empty line; returns everything that came.
pub(crate) async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => read.extend_from_slice(&buffer[..length]),
            _ => break,
        }
    }
    read
}

/// An address where nothing listens.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
