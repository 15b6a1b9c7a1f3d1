//! The gateway's own pages: the merged OpenAPI document of all services, Swagger UI on top of it, and what each type of
//! problem means.
//!
//! The rule it keeps: once there is a document, no client waits for a newer one.

use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETag, IfNoneMatch};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::refusal::Refusal;
use crate::worker::Worker;

/// What the pages can be asked with.
const METHODS: &str = "GET, HEAD, OPTIONS";

/// `GET /openapi.json`.
pub async fn openapi(worker: web::Data<Worker>, request: HttpRequest) -> HttpResponse {
    if let Some(refused) = only_get(&request) {
        return refused;
    }
    let documents = &worker.shared.documents;
    let merged = match documents.merged() {
        Some(merged) => {
            if let Some(refresh) = documents.refresh_if_stale(&merged) {
                let worker = worker.clone();
                actix_web::rt::spawn(async move { refresh.run(&worker.upstreams).await });
            }
            merged
        }
        None => documents.fetch(&worker.upstreams).await,
    };
    let unchanged = request.get_header::<IfNoneMatch>().is_some_and(|asked| rest::not_modified(&asked, &merged.tag));
    let status = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut reply = HttpResponse::build(status);
    reply.insert_header(ETag(merged.tag.clone())).insert_header((CACHE_CONTROL, "no-cache"));
    if unchanged {
        return reply.finish();
    }
    reply.insert_header((CONTENT_TYPE, "application/json")).body(merged.body.clone())
}

/// `GET /docs`.
pub async fn docs(request: HttpRequest) -> HttpResponse {
    if let Some(refused) = only_get(&request) {
        return refused;
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        // The page contains its script and style, and connects to this gateway only.
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
             font-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        ))
        .body(rest::documents::swagger_page("Cyber Store", "/openapi.json"))
}

/// `GET /problems/{name}`: what to do about a problem of this type.
pub async fn problem(request: HttpRequest) -> HttpResponse {
    if let Some(refused) = only_get(&request) {
        return refused;
    }
    match request.match_info().get("name").and_then(rest::problem_page) {
        Some(page) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(page),
        None => refuse(&request, &Refusal::UnknownRoute),
    }
}

fn only_get(request: &HttpRequest) -> Option<HttpResponse> {
    match *request.method() {
        Method::GET | Method::HEAD => None,
        Method::OPTIONS => Some(HttpResponse::NoContent().insert_header((ALLOW, METHODS)).finish()),
        _ => Some(refuse(request, &Refusal::WrongMethod { allow: METHODS.to_owned() })),
    }
}

fn refuse(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let request_id = uuid::Uuid::now_v7().to_string();
    rest::refused::log(&request_id, request.method().as_str(), refusal.kind());
    refusal.reply(&request_id)
}
