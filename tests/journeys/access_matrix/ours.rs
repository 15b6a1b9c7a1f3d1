//! What our organisation has: a thing for each parameter of a path, to be named by those whom it does not concern.
//! The rule it keeps: its owner sees each of them, so nobody else misses them because they are not there.

use std::collections::BTreeMap;

use e2e::{PATIENCE, Shop, Store};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Reply, eventually};

use super::documents::Route;
use super::requests::Request;

/// The things of ours.
pub(super) struct Ours {
    /// The name of the shop.
    pub(super) slug: String,
    /// By the name of the path's parameter.
    things: BTreeMap<&'static str, String>,
}

/// What callers may buy: that its stock falls says nothing about what is ours.
pub(super) const BOUGHT: &str = "BOUGHT";

impl Ours {
    /// One of each kind.
    pub(super) async fn make(store: &Store, shop: &Shop) -> Ours {
        shop.sell(store, &[("OURS", 990, 10), (BOUGHT, 990, 10_000)]).await;
        let named = json!({"lines": [{"sku": "OURS", "quantity": 2}], "contact": {"email": "ours@ours.example"}});
        let order = shop.queue(&named).await.order;
        shop.reaches(order, "confirmed").await;
        let pieces = json!({"lines": [{"sku": "OURS", "quantity": 1}]});
        let parcel = text(&made(shop, &format!("/admin/v1/orders/{order}/ship"), &pieces).await["parcel"]);
        let (status, arrived) =
            shop.owner.post(&format!("/admin/v1/orders/{order}/parcels/{parcel}/deliver"), &json!({})).await;
        assert_eq!(status, 200, "{arrived}");
        let back = text(&made(shop, &format!("/admin/v1/orders/{order}/returns"), &pieces).await["return_id"]);
        // Catalog hears of all that later than the owner, and then holds what has not left.
        eventually(PATIENCE, async || {
            let stock = shop.stock("OURS").await;
            if stock["held"] == 1 { Ok(()) } else { Err(stock) }
        })
        .await;
        let role = json!({"name": "our-own-role", "permissions": ["product:read"]});
        let key = json!({"name": "Our key", "permissions": ["product:read"]});
        let location = json!({"code": "ours", "name": "Ours", "priority": 1});
        let attribute = json!({"code": "our_own_attribute", "type": "text", "labels": {"en": "Ours"}});
        // Others make products here, which it does not list.
        let listed = json!({"filter": {"field": "slug", "op": "eq", "value": "ours"}});
        let view = json!({"name": "Our view", "entity": "products", "query": listed});
        let destination = json!({"name": "Our operations"});
        let invitation = json!({"email": "invited@ours.example", "roles": ["viewer"]});
        let variant = text(&shop.stock("OURS").await["variant"]);
        let price = json!({"price": {"amount": "9.50", "currency": "USD"}, "channel": "ours"});
        let price = made(shop, &format!("/admin/v1/variants/{variant}/prices"), &price).await;
        let organisation = &look(shop, "/auth/v1/me").await["organisation"]["id"];
        let things = [
            ("organisation", text(organisation)),
            ("category", shop.category("our-category", None).await),
            ("product", text(&shop.product("ours").await["id"])),
            ("variant", variant),
            ("price", text(&price["id"])),
            ("sku", "OURS".to_owned()),
            ("location", text(&made(shop, "/admin/v1/locations", &location).await["code"])),
            ("code", text(&made(shop, "/admin/v1/attributes", &attribute).await["code"])),
            ("view", text(&made(shop, "/admin/v1/views", &view).await["id"])),
            ("order", order.to_string()),
            ("customer", text(&shop.read(order).await["buyer"])),
            ("parcel", parcel),
            ("return", back),
            ("member", text(&look(shop, "/admin/v1/members").await["items"][0]["id"])),
            ("session", text(&look(shop, "/auth/v1/sessions").await["items"][0]["id"])),
            ("destination", text(&made(shop, "/admin/v1/destinations", &destination).await["destination"]["id"])),
            ("chat_link", text(&made(shop, "/admin/v1/chat-links", &Value::Null).await["chat_link"]["id"])),
            ("role", text(&made(shop, "/admin/v1/roles", &role).await["name"])),
            ("key", text(&made(shop, "/admin/v1/api-keys", &key).await["key"]["id"])),
            ("invitation", text(&made(shop, "/admin/v1/invitations", &invitation).await["invitation"]["id"])),
        ];
        Ours { slug: shop.slug.clone(), things: things.into() }
    }

    /// The thing that a parameter of a path names.
    ///
    /// # Panics
    /// When there is none of that kind yet.
    pub(super) fn thing(&self, parameter: &str) -> &str {
        match self.things.get(parameter) {
            Some(thing) => thing,
            None => panic!("a path names {{{parameter}}}; say in ours.rs how to make one"),
        }
    }

    /// Whether the reply has anything of ours that its request did not name.
    pub(super) fn leaks_into(&self, reply: &Reply, request: &Request) -> bool {
        let (text, all) = (reply.text(), self.things.values().chain([&self.slug]));
        all.filter(|thing| !request.names(thing)).any(|thing| text.contains(thing.as_str()))
    }

    /// Each thing that has an address of its own, as the owner sees it there.
    pub(super) async fn seen_by_owner(&self, shop: &Shop, routes: &[Route]) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::new();
        let staff = routes.iter().filter(|route| route.method == Method::GET && route.guard.permission().is_some());
        // A stream says of its order what the order says, and does not end.
        let ending = staff.filter(|route| !route.path.ends_with("/events"));
        for route in ending.filter(|route| !route.parameters.is_empty()) {
            let path = route
                .parameters
                .iter()
                .fold(route.path.clone(), |path, (name, _)| path.replace(&format!("{{{name}}}"), self.thing(name)));
            let body = look(shop, &path).await;
            seen.insert(path, body);
        }
        seen
    }
}

async fn look(shop: &Shop, path: &str) -> Value {
    let (status, body) = shop.owner.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn made(shop: &Shop, path: &str, wanted: &Value) -> Value {
    let (status, body) = shop.owner.post(path, wanted).await;
    assert_eq!(status, 201, "{path}: {body}");
    body
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
