//! The API under test: routes, bodies, a command, and a client that speaks to it.

use std::time::Duration;

use access::{
    Bearer, Claims, Grant, KeyRing, Organisation, Organisations, Permission, Role, SigningKey, Standing, Verifier,
    thumbprint,
};
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Clock, Currency, KeyId, MembershipId, OrganisationId, Quantity, SessionId, Sku, Slug, UserId};
use mediator::{Class, Classified, Command, Mediator, Tenant, Tx};
use persistence::Database;
use rest::{
    Anyone, Api, App, Body, Credential, CredentialHeader, IdempotencyKey, IfMatch, Lines, Path, Prefer, PriceBody,
    Problem, ProblemType, Query, Recorded, Routes, Serialised, Staff, State, Tagged, Upload, Visitor, parses, problems,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::observation::Observation;

pub(crate) const SKU_TAKEN: ProblemType = ProblemType::new("sku-taken", 409, "This SKU belongs to another variant");

#[derive(Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThingBody {
    #[garde(length(chars, min = 1, max = 10))]
    title: String,
    #[garde(dive, length(max = 3))]
    #[serde(default)]
    parts: Vec<PartBody>,
    #[garde(skip)]
    #[serde(default)]
    note: Option<Note>,
}

#[derive(Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
struct PartBody {
    #[garde(custom(parses(Sku::parse)))]
    #[schemars(with = "Sku")]
    sku: String,
    #[garde(range(min = 1, max = 100))]
    quantity: i64,
    #[garde(dive)]
    #[serde(default)]
    price: Option<PriceBody>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    colour: Option<Colour>,
}

/// A colour.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    /// Like a rose.
    Red,
    /// Like the sea.
    DarkBlue,
}

#[derive(Serialize, JsonSchema)]
struct ThingView {
    title: String,
    version: i64,
}

#[derive(Deserialize, JsonSchema)]
struct ThingPath {
    thing: Quantity,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ThingFilter {
    limit: Option<u32>,
    size: Option<u32>,
}

struct CreateThing;

#[derive(Debug, thiserror::Error)]
enum ThingError {
    #[error("storage")]
    Storage(#[from] persistence::Error),
}

impl Classified for ThingError {
    fn class(&self) -> Class {
        match self {
            ThingError::Storage(error) => error.class(),
        }
    }
}

impl From<ThingError> for Problem {
    fn from(error: ThingError) -> Self {
        match &error {
            ThingError::Storage(cause) => Problem::fault(cause.class(), cause),
        }
    }
}

impl Command for CreateThing {
    const NAME: &'static str = "test.create-thing";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Value;
    type Error = ThingError;

    async fn execute(&self, _tx: &mut Tx<'_>) -> Result<Value, ThingError> {
        Ok(json!({}))
    }
}

enum OrderToken {}

impl CredentialHeader for OrderToken {
    const NAME: &'static str = "order-token";
    const MEANING: &'static str = "what placing the order answered.";
}

#[derive(Clone)]
struct Greeting(&'static str);

async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<ThingBody>,
) -> Result<Recorded<Value>, Problem> {
    app.create(&by, &key, &body, CreateThing, |_| "/things/1".to_owned()).await
}

async fn echo(Body(body): Body<ThingBody>) -> rest::Ok<ThingView> {
    rest::Ok(ThingView { title: body.title, version: 1 })
}

async fn small(Body(body): Body<ThingBody, 64>) -> Result<rest::Ok<ThingView>, Problem> {
    Ok(rest::Ok(ThingView { title: body.title, version: 1 }))
}

async fn find(Path(at): Path<ThingPath>) -> Result<Tagged<rest::Ok<ThingView>>, Problem> {
    Ok(Tagged::version(at.thing.get(), rest::Ok(ThingView { title: "one".into(), version: at.thing.get() })))
}

async fn change(expected: IfMatch, Path(_): Path<ThingPath>) -> Result<rest::Ok<Value>, Problem> {
    if expected.versions().includes(7) {
        Ok(rest::Ok(json!({"version": 8})))
    } else {
        Err(Problem::new(problems::STALE).member("current_version", 7))
    }
}

async fn list(Query(filter): Query<ThingFilter>, State(greeting): State<Greeting>) -> rest::Ok<Value> {
    rest::Ok(json!({"limit": filter.limit, "size": filter.size, "greeting": greeting.0}))
}

async fn shop(by: Anyone) -> rest::Ok<Value> {
    rest::Ok(json!({"actor": by.provenance.actor, "currency": by.currency().code(), "organisation": by.organisation()}))
}

async fn whoami(by: Staff) -> rest::Ok<Value> {
    rest::Ok(
        json!({"actor": by.provenance.actor, "organisation": by.organisation(), "correlation": by.provenance.correlation}),
    )
}

async fn visit(by: Visitor, prefer: Prefer) -> rest::Ok<Value> {
    rest::Ok(json!({"actor": by.provenance.actor, "wait": prefer.wait().map(|wait| wait.as_secs())}))
}

async fn secret(token: Credential<OrderToken>) -> rest::Ok<Value> {
    rest::Ok(json!({"length": token.expose().len(), "debug": format!("{token:?}")}))
}

async fn cached() -> Serialised<ThingView> {
    Serialised::new(bytes::Bytes::from_static(b"{\"title\":\"kept\",\"version\":3}"))
}

async fn panics() -> rest::Ok<Value> {
    let nothing: Vec<u8> = Vec::new();
    assert!(!nothing.is_empty(), "secret of the house");
    rest::Ok(Value::Null)
}

async fn breaks() -> Result<rest::Ok<Value>, Problem> {
    Err(Problem::internal("password of the database is hunter2"))
}

async fn taken() -> Result<rest::Ok<Value>, Problem> {
    Err(Problem::new(SKU_TAKEN).detail("S-1 is taken.").field("sku", "is taken"))
}

async fn import(upload: Upload<1_000>) -> Result<Lines<Value>, Problem> {
    upload.accept(&["application/x-ndjson"])?;
    let mut pieces = upload.into_receiver();
    let mut size = 0;
    while let Some(piece) = pieces.recv().await {
        size += piece?.len();
    }
    Ok(Lines::new(futures::stream::iter([json!({"line": 1}), json!({"size": size})])))
}

pub(crate) fn routes() -> Routes {
    Api::new("test", "A test")
        .problems(&[SKU_TAKEN])
        .post("/things", create, |op| op.summary("Create").sends::<CreateThing>().problems(&[SKU_TAKEN]))
        .get("/things", list, |op| op.open("test.list", "a test"))
        .get("/things/{thing}", find, |op| op.open("test.find", "a test"))
        .patch("/things/{thing}", change, |op| op.open("test.change", "a test"))
        .get("/things/cached", cached, |op| op.open("test.cached", "a test"))
        .post("/echo", echo, |op| op.open("test.echo", "a test"))
        .post("/small", small, |op| op.open("test.small", "a test"))
        .get("/store/{organisation}/shop", shop, |op| op.open("test.shop", "a test"))
        .get("/me", whoami, |op| op.open("test.me", "a test"))
        .get("/visit", visit, |op| op.open("test.visit", "a test"))
        .get("/secret", secret, |op| op.open("test.secret", "a test"))
        .get("/panics", panics, |op| op.open("test.panics", "a test"))
        .get("/breaks", breaks, |op| op.open("test.breaks", "a test"))
        .get("/taken", taken, |op| op.open("test.taken", "a test").problems(&[SKU_TAKEN]))
        .post("/import", import, |op| op.open("test.import", "a test"))
        .finish()
}

/// What the API knows: one key, two organisations, one of them not active.
pub(crate) struct World {
    pair: Ed25519KeyPair,
    pub(crate) organisation: OrganisationId,
    pub(crate) app: App,
}

impl World {
    /// Call it on a runtime.
    pub(crate) fn new() -> Self {
        Observation::install();
        let pair = Ed25519KeyPair::generate().unwrap();
        let keys = KeyRing::new();
        keys.apply(&SigningKey { kid: KeyId::new(), public_key: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()) })
            .unwrap();
        let organisation = OrganisationId::new();
        let organisations = Organisations::new();
        let currency = Currency::parse("VND").unwrap();
        for (organisation, slug, active) in
            [(organisation, "open-shop", true), (OrganisationId::new(), "closed-shop", false)]
        {
            let slug = Slug::parse(slug).unwrap();
            organisations.apply(Organisation { organisation, slug, currency, guests: true, active });
        }
        // A port that nothing listens on: the pools open nothing before they are asked.
        let url = "postgres://nobody@127.0.0.1:1/none".to_owned();
        let database = Database::open(persistence::Settings {
            url: url.clone(),
            system_url: url,
            schema: "test".to_owned(),
            write_connections: 1,
            read_connections: 1,
        });
        let verifier = Verifier::new(keys, "issuer", "audience");
        let app = App::new(Mediator::new(database), verifier, organisations).with(Greeting("hello"));
        Self { pair, organisation, app }
    }

    fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    pub(crate) fn token(&self, role: Role) -> String {
        let standing = Standing { session: SessionId::new(), membership: MembershipId::new(), version: 1 };
        let grant = Grant {
            bearer: Bearer::Person { user: UserId::new(), organisation: self.organisation, standing },
            permissions: role.permissions(),
        };
        let claims = Claims::new("issuer", "audience", &grant, Clock::now(), Duration::from_secs(600));
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": thumbprint(&self.public_key())}).to_string();
        let claims = serde_json::to_string(&claims).unwrap();
        let content = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(content.as_bytes()));
        format!("{content}.{signature}")
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no header {name}")).to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// Asserts a complete problem of this type and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, slug: &str) -> Value {
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{slug}"), "{body}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], self.status.as_u16(), "{body}");
        assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
        assert_eq!(body["request_id"].as_str(), Some(self.header("x-request-id")), "{body}");
        body
    }

    /// The refused fields.
    pub(crate) fn fields(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {body}"));
        let mut fields: Vec<String> = errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
        fields.sort();
        fields
    }
}

/// One request against a fresh server of `world`, as the real one is put together.
pub(crate) async fn ask(world: &World, request: TestRequest) -> Answer {
    let service = actix_web::test::init_service(rest::server::application(world.app.clone(), routes())).await;
    let response: ServiceResponse<BoxBody> = match service.call(request.to_request()).await {
        Ok(response) => response,
        // What actix's dispatcher does with it.
        Err(error) => ServiceResponse::new(TestRequest::default().to_http_request(), error.error_response()),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body().boxed()).await.unwrap();
    Answer { status, headers, body }
}

pub(crate) fn json_post(path: &str, body: &str) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("content-type", "application/json")).set_payload(body.to_owned())
}
