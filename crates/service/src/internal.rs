//! The internal port: health, figures, rebuilds and retries. It is up before anything else starts.
//! The rule: it is for the operators' network; the gateway never routes to it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::boot::{Boot, JobKind};

/// Listens on `address` and answers until the process ends.
///
/// # Errors
/// When the address cannot be listened on.
pub(crate) async fn start(
    address: SocketAddr,
    boot: Boot,
    figures: Option<PrometheusHandle>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _peer)) = listener.accept().await else {
                // Out of file descriptors, most likely: the next attempt must not spin.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let (boot, figures) = (boot.clone(), figures.clone());
            tokio::spawn(async move {
                let answer = service_fn(move |request| {
                    let (boot, figures) = (boot.clone(), figures.clone());
                    async move { Ok::<_, Infallible>(answer(&request, &boot, figures.as_ref()).await) }
                });
                // A client that went away is no event here.
                let _ignored =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    });
    Ok(address)
}

async fn answer(request: &Request<Incoming>, boot: &Boot, figures: Option<&PrometheusHandle>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    match (request.method(), path) {
        (&Method::GET, "/livez") => json_reply(StatusCode::OK, &json!({"alive": true, "service": boot.name()})),
        (&Method::GET, "/readyz") => {
            let report = boot.health().report().await;
            let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let mut body = serde_json::to_value(report).unwrap_or_default();
            body["service"] = boot.name().into();
            json_reply(status, &body)
        }
        (&Method::GET, "/metrics") => {
            let text = figures.map(PrometheusHandle::render).unwrap_or_default();
            reply(StatusCode::OK, "text/plain; version=0.0.4", text)
        }
        (&Method::POST, _) => match (path.strip_prefix("/rebuild/"), path.strip_prefix("/retry/")) {
            (Some(name), _) => run(boot, JobKind::Rebuild, name).await,
            (_, Some(name)) => run(boot, JobKind::Retry, name).await,
            (None, None) => unknown(path),
        },
        _ => unknown(path),
    }
}

async fn run(boot: &Boot, kind: JobKind, name: &str) -> Response<Full<Bytes>> {
    let word = match kind {
        JobKind::Rebuild => "rebuild",
        JobKind::Retry => "retry",
    };
    let job = match boot.find_job(kind, name) {
        Ok(job) => job,
        Err(known) => {
            return json_reply(
                StatusCode::NOT_FOUND,
                &json!({"error": format!("there is no {word} named {name}"), "known": known}),
            );
        }
    };
    // Its own task: an operator who hangs up does not leave a table half rebuilt.
    match tokio::spawn(job()).await {
        Ok(Ok(result)) => json_reply(StatusCode::OK, &result),
        Ok(Err(reason)) => {
            tracing::error!(name, "the {word} {name} failed: {reason}");
            json_reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": reason}))
        }
        Err(panic) => {
            metrics::counter!("part_failures_total", "part" => word, "reason" => "panic").increment(1);
            tracing::error!(name, "the {word} {name} panicked: {panic}");
            json_reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({"error": panic.to_string()}))
        }
    }
}

fn unknown(path: &str) -> Response<Full<Bytes>> {
    json_reply(
        StatusCode::NOT_FOUND,
        &json!({
            "error": format!("nothing is served at {path}"),
            "known": ["GET /livez", "GET /readyz", "GET /metrics", "POST /rebuild/{name}", "POST /retry/{name}"],
        }),
    )
}

fn json_reply(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    reply(status, "application/json", body.to_string())
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}

/// Asks `/readyz` at `address`: the status line's code and the body.
///
/// # Errors
/// When nobody answers.
pub(crate) async fn ask_readiness(address: SocketAddr) -> io::Result<(u16, String)> {
    // A listener on every interface is asked on this machine.
    let address = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port())),
        other => other,
    };
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\nhost: localhost\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::{Health, Phase};

    async fn request(address: SocketAddr, line: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{line} HTTP/1.0\r\nhost: x\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_is_alive_before_it_is_ready_and_says_what_it_waits_for() {
        let (boot, _failed) = Boot::new("test", Health::default(), Vec::new());
        boot.health().wait("database", "connection refused");
        let address = start(SocketAddr::from(([127, 0, 0, 1], 0)), boot.clone(), None).await.unwrap();
        assert!(request(address, "GET /livez").await.contains("200 OK"));
        let (status, body) = ask_readiness(address).await.unwrap();
        assert_eq!(status, 503);
        assert!(body.contains("connection refused") && body.contains("\"starting\""), "{body}");

        boot.health().arrived("database");
        boot.health().enter(Phase::Serving);
        assert_eq!(ask_readiness(address).await.unwrap().0, 200);
    }

    #[tokio::test]
    async fn a_rebuild_or_retry_is_found_by_name_and_answers_with_its_result() {
        let (boot, _failed) = Boot::new("test", Health::default(), Vec::new());
        boot.offers(JobKind::Rebuild, "copy", Arc::new(|| Box::pin(async { Ok(json!({"rows": 3})) })));
        boot.offers(JobKind::Rebuild, "broken", Arc::new(|| Box::pin(async { Err("no topic".to_owned()) })));
        boot.offers(JobKind::Retry, "letters", Arc::new(|| Box::pin(async { Ok(json!({"rows": 1})) })));
        let address = start(SocketAddr::from(([127, 0, 0, 1], 0)), boot, None).await.unwrap();
        let answer = request(address, "POST /rebuild/copy").await;
        assert!(answer.contains("200 OK") && answer.ends_with("{\"rows\":3}"), "{answer}");
        assert!(request(address, "POST /rebuild/broken").await.contains("no topic"));
        let unknown = request(address, "POST /rebuild/other").await;
        assert!(unknown.contains("404") && unknown.contains("[\"broken\",\"copy\"]"), "{unknown}");
        assert!(request(address, "GET /rebuild/copy").await.contains("404"));
        assert!(request(address, "POST /retry/letters").await.ends_with("{\"rows\":1}"));
        let unknown = request(address, "POST /retry/copy").await;
        assert!(unknown.contains("no retry named copy") && unknown.contains("[\"letters\"]"), "{unknown}");
    }
}
