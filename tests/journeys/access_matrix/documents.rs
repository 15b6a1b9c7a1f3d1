//! The routes that the services say they have, and what a request of each needs.
//! The rule it keeps: only the documents are asked, each service for its own; what the gateway's leaves out is hidden.

use std::fmt;

use devstack::services::SERVICES;
use e2e::{PATIENCE, Store};
use reqwest::Method;
use serde_json::{Map, Value};
use testkit::{Client, eventually};

/// The header that lets whoever holds an order's token read it.
pub(super) const ORDER_TOKEN: &str = "order-token";
/// What one asks of one's own account in an organisation. The documents do not tell it from the account itself.
const OF_MEMBERS: [&str; 2] = ["auth.find-user", "auth.leave-organisation"];
/// The same, where it ends while the organisation is suspended.
const OF_COLLEAGUES: [&str; 3] = ["notifier.create-chat-link", "notifier.list-chat-links", "notifier.delete-chat-link"];

/// Who may use a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guard {
    /// Nobody from outside.
    Hidden,
    /// Everybody: no credential is looked at, though a secret of another kind may be.
    Open,
    /// Everybody, though not with a credential that is wrong.
    Offered,
    /// Everybody, though not with a credential that is wrong, nor with that of another shop's customer.
    Shopper,
    /// Customers of the shop.
    Customer,
    /// Who runs the installation.
    Operator,
    /// Everybody with an account of their own, for that account.
    Person,
    /// The same for what an account has in an organisation, which an operator's has not.
    Member,
    /// The same for what ends while the organisation is suspended.
    Colleague,
    /// Whoever has this permission.
    Staff(String),
}

impl Guard {
    /// The permission that it asks of staff.
    pub(super) fn permission(&self) -> Option<&str> {
        match self {
            Guard::Staff(permission) => Some(permission),
            _ => None,
        }
    }
}

/// A row of the matrix.
#[derive(Debug)]
pub(super) struct Route {
    /// The operation's id.
    pub(super) operation: String,
    pub(super) method: Method,
    /// With `{parameters}`.
    pub(super) path: String,
    pub(super) guard: Guard,
    /// The path's parameters but the shop's, each with a value that is well-formed and names nothing.
    pub(super) parameters: Vec<(String, String)>,
    /// The headers that it cannot do without, and the order's token where an account does instead, in lower case.
    pub(super) headers: Vec<String>,
    /// The media type of its body.
    pub(super) media: Option<String>,
    /// Whether a body must have anything.
    pub(super) has_required_fields: bool,
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({})", self.method, self.path, self.operation)
    }
}

/// Every route of every service.
pub(super) async fn routes(store: &Store) -> Vec<Route> {
    let gateway = Client::new(&store.gateways()[0], None);
    let public = eventually(PATIENCE, async || {
        let document = document(&gateway).await;
        let text = document["info"]["description"].as_str().unwrap_or_default().to_owned();
        if text.contains("Not reachable") { Err(text) } else { Ok(document) }
    })
    .await;
    let mut routes = Vec::new();
    for service in SERVICES.iter().filter(|service| service.name != "gateway") {
        let Some(address) = store.urls(service.name).into_iter().next() else { continue };
        let document = document(&Client::new(&address, None)).await;
        let before = routes.len();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let hidden = public["paths"][path][method].is_null();
                routes.push(Source { document: &document, operation }.route(method, path, hidden));
            }
        }
        assert!(routes.len() > before, "{} says that it has no route", service.name);
    }
    let known: usize = public["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    let open = routes.iter().filter(|route| route.guard != Guard::Hidden).count();
    assert_eq!(open, known, "the gateway's document has routes that no service has");
    routes
}

async fn document(client: &Client) -> Value {
    let (status, document) = client.get("/openapi.json").await;
    assert_eq!(status, 200, "{} has no document: {document}", client.base());
    document
}

/// An operation in its document.
#[derive(Clone, Copy)]
struct Source<'d> {
    document: &'d Value,
    operation: &'d Value,
}

impl<'d> Source<'d> {
    fn route(self, method: &str, path: &str, hidden: bool) -> Route {
        let operation = self.operation["operationId"].as_str().unwrap().to_owned();
        let of = |place: &'static str| self.parameters().filter(move |parameter| parameter["in"] == place);
        let headers = of("header").map(|parameter| (name(parameter).to_lowercase(), parameter["required"] == true));
        let headers = headers.filter(|(name, required)| *required || name == ORDER_TOKEN);
        let is_shop = |parameter: &Value| path.starts_with("/store/") && parameter["name"] == "organisation";
        let parameters = of("path").filter(|parameter| !is_shop(parameter));
        let (media, has_required_fields) = self.body();
        Route {
            guard: if hidden { Guard::Hidden } else { self.guard(&operation) },
            method: method.to_uppercase().parse().unwrap(),
            path: path.to_owned(),
            parameters: parameters.map(|parameter| (name(parameter), self.missing(parameter))).collect(),
            headers: headers.map(|(name, _)| name).collect(),
            media,
            has_required_fields,
            operation,
        }
    }

    fn guard(self, operation: &str) -> Guard {
        let ways = self.operation["security"].as_array().map_or(&[][..], Vec::as_slice);
        let bearer = ways.iter().any(|way| !way["bearer"].is_null());
        let optional = ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty));
        match self.operation["x-permission"].as_str() {
            Some("customer:own") if bearer => Guard::Customer,
            Some("platform:manage" | "organisation:create") if bearer => Guard::Operator,
            Some(_) if bearer && optional => Guard::Shopper,
            Some("account:own") if bearer && OF_MEMBERS.contains(&operation) => Guard::Member,
            Some("account:own") if bearer && OF_COLLEAGUES.contains(&operation) => Guard::Colleague,
            Some("account:own") if bearer => Guard::Person,
            Some(permission) if bearer => Guard::Staff(permission.to_owned()),
            None if bearer => panic!("{operation} takes a token and states no permission"),
            Some(_) => Guard::Open,
            None => Guard::Offered,
        }
    }

    fn parameters(self) -> impl Iterator<Item = &'d Value> {
        self.operation["parameters"].as_array().into_iter().flatten().map(move |parameter| self.resolved(parameter))
    }

    /// The first media type of its body, and whether the body must have anything.
    fn body(self) -> (Option<String>, bool) {
        let content = self.resolved(&self.operation["requestBody"])["content"].as_object();
        let Some((media, entry)) = content.and_then(|content| content.iter().next()) else { return (None, false) };
        let schema = self.resolved(&entry["schema"]);
        let free = media == "application/json" && schema["required"].as_array().is_none_or(Vec::is_empty);
        (Some(media.clone()), !free)
    }

    /// A value as the parameter's schema asks for, which names nothing: for an id the last one that there can be.
    fn missing(self, parameter: &Value) -> String {
        let pattern = self.resolved(&parameter["schema"])["pattern"].as_str().unwrap_or_default();
        match pattern.strip_prefix('^').and_then(|pattern| pattern.split_once("_[0-7]")) {
            Some((prefix, _)) => format!("{prefix}_7{}", "z".repeat(25)),
            None => "no-such-thing".to_owned(),
        }
    }

    fn resolved<'v>(self, value: &'v Value) -> &'v Value
    where
        'd: 'v,
    {
        match value["$ref"].as_str() {
            Some(at) => self.resolved(self.document.pointer(at.trim_start_matches('#')).unwrap()),
            None => value,
        }
    }
}

fn name(parameter: &Value) -> String {
    parameter["name"].as_str().unwrap().to_owned()
}
