//! One request of a route, complete and valid, so that nothing but the caller decides what becomes of it.
//! The rule it keeps: whoever may ask asks for a thing that does not exist, and whoever may not asks for ours.

use e2e::PASSWORD;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply};
use uuid::Uuid;

use super::callers::{Caller, only};
use super::documents::{Guard, ORDER_TOKEN, Route};
use super::ours::{BOUGHT, Ours};

/// A request without its credential.
pub(super) struct Request {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// The request of this route that this caller sends.
    pub(super) fn of(route: &Route, caller: Caller, ours: &Ours) -> Request {
        let path = route.path.replace("/store/v1/{organisation}", &format!("/store/v1/{}", ours.slug));
        let path = route.parameters.iter().fold(path, |path, (name, missing)| {
            let value = if may_ask(route, caller) { missing } else { ours.thing(name) };
            path.replace(&format!("{{{name}}}"), value)
        });
        // A shop looks at the account of its customer only where no order's token was sent.
        let by_account = route.guard == Guard::Shopper && caller == Caller::Customer;
        let headers = route.headers.iter().filter(|name| !by_account || *name != ORDER_TOKEN);
        let mut headers: Vec<_> = headers.map(|name| (name.clone(), header(name))).collect();
        headers.extend(route.media.iter().map(|media| ("content-type".to_owned(), media.clone())));
        let body = route.media.as_ref().map(|_| body(route, ours).to_string().into_bytes());
        Request { method: route.method.clone(), path, headers, body }
    }

    /// The reply to it.
    pub(super) async fn send(&self, client: &Client) -> Reply {
        let client = self.headers.iter().fold(client.clone(), |client, (name, value)| client.with(name, value));
        client.send(self.method.clone(), &self.path, self.body.clone()).await
    }

    /// Whether the request has this text.
    pub(super) fn names(&self, text: &str) -> bool {
        let body = self.body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        self.path.contains(text) || body.contains(text)
    }
}

fn may_ask(route: &Route, caller: Caller) -> bool {
    match &route.guard {
        Guard::Hidden | Guard::Open | Guard::Offered => true,
        Guard::Shopper => caller == Caller::Anonymous,
        Guard::Customer => caller == Caller::Customer,
        Guard::Operator => caller == Caller::Operator,
        Guard::Person => matches!(caller, Caller::RightRole | Caller::WrongRole | Caller::Operator),
        Guard::Member | Guard::Colleague => matches!(caller, Caller::RightRole | Caller::WrongRole),
        Guard::Staff(_) => matches!(caller, Caller::RightRole | Caller::KeyWith),
    }
}

fn header(name: &str) -> String {
    match name {
        "idempotency-key" => Uuid::new_v4().to_string(),
        "if-match" => "*".to_owned(),
        "x-setup-token" | ORDER_TOKEN => "not-the-secret".to_owned(),
        _ => panic!("a route needs the header {name}; say in requests.rs what to send"),
    }
}

/// A body that passes every check. It is looked at before the caller's permission is.
fn body(route: &Route, ours: &Ours) -> Value {
    let permission = route.guard.permission().unwrap_or_default();
    let fresh = Uuid::new_v4().simple().to_string();
    let address = format!("{fresh}@nobody.example");
    match route.operation.as_str() {
        "auth.create-organisation" | "auth.create-organisation-as-operator" => json!({
            "slug": ours.slug, "name": "Taken", "currency": "USD",
            "owner": {"email": address, "password": PASSWORD, "name": "Nobody"},
        }),
        "auth.admit-login" | "auth.log-in-operator" | "auth.log-in-customer" => {
            json!({"email": address, "password": PASSWORD})
        }
        "auth.create-operator" | "auth.register-customer" => {
            json!({"email": address, "name": "Nobody", "password": PASSWORD})
        }
        "auth.refresh-session" => json!({"refresh_token": fresh}),
        "auth.change-password" | "auth.change-customer-password" => {
            json!({"current_password": PASSWORD, "password": "another long passphrase 8"})
        }
        "auth.request-password-reset" | "auth.request-customer-password-reset" => json!({"email": address}),
        "auth.reset-password" | "auth.reset-customer-password" => json!({"token": fresh, "password": PASSWORD}),
        "auth.accept-invitation" => json!({"token": fresh, "password": PASSWORD}),
        "auth.note-api-key-use" => json!({"api_key": fresh}),
        // Nobody hands out more than they have, so this is what the caller has.
        "auth.invite-member" => json!({"email": address, "roles": [only(permission)]}),
        "auth.change-member" => json!({"roles": [only(permission)]}),
        "auth.create-role" => json!({"name": format!("role-{fresh}"), "permissions": [permission]}),
        "auth.change-role" => json!({"permissions": [permission]}),
        "auth.create-api-key" => json!({"name": "A key", "permissions": [permission]}),
        "category.create-category" => json!({"name": "A category"}),
        "category.change-category" => json!({"name": "Another name"}),
        "category.place-categories" => json!({"nodes": [{"reference": fresh, "name": "A category"}]}),
        "category.reorder-categories" => json!({"children": []}),
        "catalog.create-product" => json!({"title": "A product", "variants": [variant(&fresh)]}),
        "catalog.import-products" => json!({"slug": fresh, "title": "A product", "variants": [variant(&fresh)]}),
        "catalog.create-view" => json!({"name": fresh, "entity": "products", "query": {}}),
        "catalog.change-view" => json!({"name": fresh}),
        "catalog.upsert-products" => {
            json!({"products": [{"slug": fresh, "title": "A product", "variants": [variant(&fresh)]}]})
        }
        "catalog.adjust-levels" => json!({"levels": [{"sku": fresh, "delta": 1}]}),
        "catalog.set-prices" => {
            json!({"prices": [{"sku": fresh, "price": {"amount": "9.90", "currency": "USD"}}]})
        }
        "catalog.change-product" => json!({"title": "Another title"}),
        "catalog.create-attribute" => {
            json!({"code": format!("a{fresh}"), "type": "text", "labels": {"en": "An attribute"}})
        }
        "catalog.change-attribute" => json!({"labels": {"en": "Another label"}}),
        "catalog.add-price" => json!({"price": {"amount": "9.90", "currency": "USD"}}),
        "catalog.adjust-stock" => json!({"delta": 1}),
        "catalog.count-stock" => json!({"counted": 1}),
        "catalog.transfer-stock" => json!({"to": ours.thing("location"), "pieces": 1}),
        "catalog.create-location" => json!({"code": format!("l{fresh}"), "name": "A location", "priority": 1}),
        "catalog.change-location" => json!({"name": "Another name"}),
        "notifier.create-destination" => json!({"name": "A destination"}),
        "notifier.change-destination" => json!({"name": "Another name"}),
        "notifier.preview-destination" => json!({"kind": "order-placed"}),
        "order.edit-lines" | "order.request-return" => json!({"lines": [{"sku": "NO-SUCH-SKU", "quantity": 1}]}),
        "order.record-payment" => json!({
            "kind": "received", "method": "cash", "amount": {"amount": "9.90", "currency": "USD"},
        }),
        "order.record-refund" => json!({
            "payment": format!("pay_7{}", "z".repeat(25)), "method": "cash",
            "amount": {"amount": "9.90", "currency": "USD"},
        }),
        "order.add-note" => json!({"text": "A note"}),
        // What there is already, since the answers about our stock name it.
        "catalog.change-stock-settings" => json!({"serving_rule": "priority-then-most-available"}),
        "order.import-order" => sold(&fresh),
        "order.import-orders" => json!({"orders": [sold(&fresh)]}),
        "order.enter-order" | "order.queue-entered-order" => json!({"lines": [{"sku": BOUGHT, "quantity": 1}]}),
        "order.place-order" | "order.queue-order" => json!({"lines": [{"sku": "NO-SUCH-SKU", "quantity": 1}]}),
        _ if route.has_required_fields => panic!("{route} needs a body; say in requests.rs which one is valid"),
        _ => json!({}),
    }
}

/// An order that was sold elsewhere and takes nothing from stock.
fn sold(fresh: &str) -> Value {
    json!({
        "channel": "bazaar", "external_reference": fresh, "placed_at": "2026-01-05T08:00:00Z", "raw_status": "READY",
        "raw_status_at": "2026-01-05T08:00:00Z", "stock": "skip",
        "lines": [{"sku": BOUGHT, "quantity": 1, "unit_price": {"amount": "9.90", "currency": "USD"}}],
    })
}

fn variant(fresh: &str) -> Value {
    json!({"sku": fresh, "price": {"amount": "9.90", "currency": "USD"}, "stock": 1})
}
