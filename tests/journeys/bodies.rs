//! A list that gives an object's values in the order of its fields: no route takes it for the object.

use std::collections::BTreeSet;

use e2e::{Shop, together, usd};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Client;

use crate::WISHES;

/// A route, and a body that it takes.
struct Route {
    method: Method,
    /// As the document writes it.
    path: &'static str,
    /// The path with its parameters filled in.
    address: String,
    client: Client,
    body: Value,
    /// The fields of the body's objects in the order in which the service declares them.
    order: &'static [&'static str],
}

async fn routes(shop: &Shop, setup_token: &str) -> Vec<Route> {
    let owner = || shop.owner.clone();
    let (category, parent) = (shop.category("lamps", None).await, shop.category("all", None).await);
    let product = shop.product("listed").await["id"].as_str().unwrap().to_owned();
    let variant = json!({"sku": "LISTED-2", "title": "Two", "price": usd(100), "stock": 1, "low_threshold": 0});
    let new_slug = format!("{}-2", shop.slug);
    vec![
        Route {
            method: Method::POST,
            path: "/auth/v1/login",
            address: "/auth/v1/login".to_owned(),
            client: shop.shopper.clone(),
            body: shop.credentials(),
            order: &["organisation", "email", "password"],
        },
        Route {
            method: Method::POST,
            path: "/auth/v1/organisations",
            address: "/auth/v1/organisations".to_owned(),
            client: shop.shopper.clone().with("x-setup-token", setup_token),
            body: json!({
                "slug": new_slug, "name": "Another", "currency": "USD",
                "owner": {"email": "a@b.example", "password": "a long enough passphrase 8", "name": "Ana"},
            }),
            order: &["slug", "email", "password", "name", "currency", "owner"],
        },
        Route {
            method: Method::POST,
            path: "/admin/v1/products",
            address: "/admin/v1/products".to_owned(),
            client: owner(),
            body: json!({
                "slug": "listed-2", "title": "Two", "description": "x", "category": null, "status": "active",
                "variants": [variant],
            }),
            order: &[
                "slug",
                "sku",
                "title",
                "description",
                "category",
                "status",
                "variants",
                "price",
                "stock",
                "low_threshold",
                "amount",
                "currency",
            ],
        },
        Route {
            method: Method::PATCH,
            path: "/admin/v1/products/{product}",
            address: format!("/admin/v1/products/{product}"),
            client: owner().with("if-match", "*"),
            body: json!({
                "slug": "listed", "title": "One", "description": "x", "category": null, "status": "active",
                "variants": [{"sku": "LISTED", "title": "One", "price": usd(100), "active": true}],
            }),
            order: &[
                "slug",
                "sku",
                "title",
                "description",
                "category",
                "status",
                "variants",
                "price",
                "active",
                "amount",
                "currency",
            ],
        },
        Route {
            method: Method::POST,
            path: "/admin/v1/stock/{sku}/adjust",
            address: "/admin/v1/stock/LISTED/adjust".to_owned(),
            client: owner(),
            body: json!({"delta": 1, "set": null, "reason": "found", "low_threshold": 1}),
            order: &["delta", "set", "reason", "low_threshold"],
        },
        Route {
            method: Method::POST,
            path: "/admin/v1/categories",
            address: "/admin/v1/categories".to_owned(),
            client: owner(),
            body: json!({"name": "Mugs", "slug": "mugs", "parent": null, "position": 0}),
            order: &["name", "slug", "parent", "position"],
        },
        Route {
            method: Method::PATCH,
            path: "/admin/v1/categories/{category}",
            address: format!("/admin/v1/categories/{category}"),
            client: owner().with("if-match", "*"),
            body: json!({"name": "Lights", "slug": "lights"}),
            order: &["name", "slug"],
        },
        Route {
            method: Method::POST,
            path: "/admin/v1/categories/{category}/move",
            address: format!("/admin/v1/categories/{category}/move"),
            client: owner(),
            body: json!({"parent": parent, "position": 0}),
            order: &["parent", "position"],
        },
        Route {
            method: Method::POST,
            path: "/store/v1/{organisation}/orders",
            address: shop.orders(),
            client: shop.shopper.clone(),
            body: json!({
                "lines": [{"sku": "LISTED", "quantity": 1, "unit_price": usd(100)}], "reference": "by position",
            }),
            order: &["lines", "reference", "sku", "quantity", "unit_price", "amount", "currency"],
        },
    ]
}

/// The body once for each object in it, with that object as a list; beside it the field's path.
fn by_position(body: &Value, order: &[&str]) -> Vec<(String, Value)> {
    let mut objects = Vec::new();
    find(body, "", "", &mut objects);
    objects
        .into_iter()
        .map(|(pointer, field)| {
            let mut changed = body.clone();
            let object = changed.pointer_mut(&pointer).unwrap();
            let known = order.iter().filter(|name| object.get(**name).is_some()).count();
            assert_eq!(Some(known), object.as_object().map(serde_json::Map::len), "{object} has fields without order");
            *object = order.iter().filter_map(|name| object.get(*name).cloned()).collect();
            (field, changed)
        })
        .collect()
}

/// The pointers of all objects, each with the path that a refusal calls it by.
fn find(value: &Value, pointer: &str, field: &str, found: &mut Vec<(String, String)>) {
    if let Some(members) = value.as_object() {
        found.push((pointer.to_owned(), field.to_owned()));
        for (name, member) in members {
            let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            find(member, &format!("{pointer}/{name}"), &path, found);
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        find(item, &format!("{pointer}/{index}"), &format!("{field}[{index}]"), found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_takes_a_list_for_an_object_however_deep_it_stands() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "listing").await;
    shop.sell(&store, &[("LISTED", 100, 5)]).await;
    let routes = routes(&shop, store.setup_token()).await;

    let (_, document) = shop.shopper.get("/openapi.json").await;
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["requestBody"]["content"]["application/json"].is_object() {
                documented.insert((method.to_uppercase(), path.as_str()));
            }
        }
    }
    let known: BTreeSet<_> = routes.iter().map(|route| (route.method.to_string(), route.path)).collect();
    assert_eq!(known, documented, "each route with a body needs a row here");

    for route in routes {
        for (field, body) in by_position(&route.body, route.order) {
            let sent = route.client.send(route.method.clone(), &route.address, Some(body.to_string().into())).await;
            let place = format!("{} {} took {body}: {}", route.method, route.path, sent.text());
            assert_eq!(sent.status, 422, "{place}");
            let wanted = json!([{"field": field, "reason": "must be an object"}]);
            assert_eq!(sent.json()["errors"], wanted, "{place}");
        }
        let sent = route.client.send(route.method, &route.address, Some(route.body.to_string().into())).await;
        assert!((200..300).contains(&sent.status), "{} does not take its own body: {}", route.path, sent.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_of_an_import_is_a_list_or_holds_one_for_an_object() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "rows").await;
    let variant = json!({"sku": "ROW", "title": "Row", "price": usd(100), "stock": 1});
    let row = json!({
        "slug": "row", "title": "Row", "category": null, "description": "x", "status": "active", "variants": [variant],
    });
    let order = [
        "slug",
        "sku",
        "title",
        "category",
        "description",
        "status",
        "variants",
        "price",
        "stock",
        "amount",
        "currency",
    ];
    let places = by_position(&row, &order);
    let lines: Vec<String> = places.iter().map(|(_, line)| line.to_string()).collect();
    let (rows, summary) = shop.import(&lines.join("\n")).await;
    assert_eq!(summary["failed"], places.len(), "{rows:?}");
    for ((field, _), row) in places.iter().zip(&rows) {
        let column = if field.is_empty() { Value::Null } else { json!(field) };
        assert_eq!(row["errors"][0]["column"], column, "{row}");
        assert!(row["errors"][0]["reason"].as_str().unwrap().contains("expected an object"), "{row}");
    }
    let (rows, summary) = shop.import(&row.to_string()).await;
    assert_eq!(summary["failed"], 0, "{rows:?}");
}
