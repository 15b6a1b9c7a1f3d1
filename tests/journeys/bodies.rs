//! A list that gives an object's values in the order of its fields: no route takes it for the object.

use std::collections::BTreeSet;

use e2e::{PASSWORD, Shop, Store, together, usd};
use kernel::OrderId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Scene};

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
    /// Why the body is refused although it is well formed; nothing where it is taken.
    refused: Option<&'static str>,
}

impl Route {
    fn new(method: Method, path: &'static str, client: &Client, body: Value, order: &'static [&'static str]) -> Self {
        Route { method, path, address: path.to_owned(), client: client.clone(), body, order, refused: None }
    }

    /// With the path's parameters filled in.
    fn at(self, address: String) -> Self {
        Route { address, ..self }
    }

    fn refused_as(self, problem: &'static str) -> Self {
        Route { refused: Some(problem), ..self }
    }
}

/// Everything that catalog, category and order take.
async fn of_goods(shop: &Shop) -> Vec<Route> {
    let (owner, changes) = (&shop.owner, &shop.owner.clone().with("if-match", "*"));
    let (category, parent) = (shop.category("lamps", None).await, shop.category("all", None).await);
    let product = shop.product("listed").await["id"].as_str().unwrap().to_owned();
    let listed = shop.stock("LISTED").await["variant"].as_str().unwrap().to_owned();
    let variant = json!({"sku": "LISTED-2", "title": "Two", "price": usd(100), "stock": 1, "low_threshold": 0});
    let media = json!([{"url": "https://cdn.example/one.jpg", "kind": "image", "alt": "One"}]);
    let texts = json!({"vi": {"title": "Hai", "short_description": "x", "description": "y"}});
    let made = json!({
        "slug": "listed-2", "title": "Two", "description": "x", "category": null, "status": "active", "media": media,
        "translations": texts, "variants": [variant],
    });
    let changed = json!({
        "slug": "listed", "title": "One", "description": "x", "category": null, "status": "active", "media": media,
        "translations": texts, "variants": [{"sku": "LISTED", "title": "One", "price": usd(100), "active": true}],
    });
    let lamps = json!({"name": "Lamps", "entity": "products", "query": {"q": "lamp"}});
    let (status, saved) = owner.post("/admin/v1/views", &lamps).await;
    assert_eq!(status, 201, "{saved}");
    let view = saved["id"].as_str().unwrap();
    let colour = json!({"code": "colour", "type": "choice", "choices": ["blue"], "labels": {"en": "Colour"}});
    let (status, defined) = owner.post("/admin/v1/attributes", &colour).await;
    assert_eq!(status, 201, "{defined}");
    let hanoi = json!({"code": "hanoi", "name": "Hanoi", "priority": 1});
    let (status, created) = shop.owner.post("/admin/v1/locations", &hanoi).await;
    assert_eq!(status, 201, "{created}");
    let address = json!({"name": "Cleo", "lines": ["1 Main Street"], "city": "Springfield", "region": "IL",
                         "postal_code": "62701", "country": "US", "phone": "0901234567"});
    let order = json!({
        "lines": [{"sku": "LISTED", "quantity": 1, "unit_price": usd(100)}], "reference": "by position",
        "contact": {"name": "Cleo", "email": "cleo@example.org", "phone": "0901234567"},
        "shipping_address": address, "billing_address": null,
    });
    let entered = json!({
        "lines": [{"sku": "LISTED", "quantity": 1, "unit_price": usd(100), "discount": usd(10), "tax": usd(1)}],
        "customer": null, "channel": "phone", "reference": "by position", "discount": usd(5), "shipping": usd(3),
        "tax": usd(2), "total": usd(91), "contact": {"name": "Ada", "email": "ada@x.example", "phone": "+84 90 123 4567"},
        "shipping_address": null, "billing_address": null,
    });
    let sold = json!({
        "channel": "bazaar", "external_reference": "by position", "placed_at": "2026-01-05T08:00:00Z",
        "raw_status": "READY", "raw_status_at": "2026-01-05T08:00:00Z", "status": "shipped", "stock": "skip",
        "lines": [{"sku": "LISTED", "quantity": 1, "unit_price": usd(100), "discount": usd(10), "tax": usd(1), "packed": 1}],
        "customer": null, "reference": "by position", "discount": usd(5), "shipping": usd(3), "tax": usd(2),
        "total": usd(91), "paid": usd(91), "carrier": "Post", "tracking_number": "RR1", "restocked": false,
        "contact": {"name": "Ada", "email": "ada@x.example", "phone": "+84 90 123 4567"}, "shipping_address": null,
        "billing_address": null,
    });
    let (name, adjustment) = (
        json!({"name": "Lights", "slug": "lights"}),
        json!({"delta": 1, "set": null, "reason": "found", "low_threshold": 1, "safety_stock": 0,
               "backorder": {"policy": "no", "pieces": null, "promised_on": null}, "location": null}),
    );
    let queries = [
        "/admin/v1/products/query",
        "/admin/v1/variants/query",
        "/admin/v1/categories/query",
        "/admin/v1/orders/query",
        "/admin/v1/customers/query",
    ]
    .map(|path| Route::new(Method::POST, path, owner, json!({"sort": ["id"], "limit": 1}), &["sort", "limit"]));
    let mut routes = vec![
        Route::new(
            Method::POST,
            "/admin/v1/products",
            owner,
            made,
            &[
                "slug",
                "sku",
                "title",
                "short_description",
                "description",
                "media",
                "url",
                "kind",
                "alt",
                "translations",
                "vi",
                "category",
                "status",
                "variants",
                "price",
                "stock",
                "low_threshold",
                "amount",
                "currency",
            ],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/products/{product}",
            changes,
            changed,
            &[
                "slug",
                "sku",
                "title",
                "short_description",
                "description",
                "media",
                "url",
                "kind",
                "alt",
                "translations",
                "vi",
                "category",
                "status",
                "variants",
                "price",
                "active",
                "amount",
                "currency",
            ],
        )
        .at(format!("/admin/v1/products/{product}")),
        Route::new(
            Method::POST,
            "/admin/v1/attributes",
            owner,
            json!({"code": "power", "type": "number", "unit": "W", "choices": [], "labels": {"en": "Power"}}),
            &["code", "type", "unit", "choices", "labels", "en"],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/attributes/{code}",
            changes,
            json!({"labels": {"en": "Colour"}, "new_choices": ["red"]}),
            &["labels", "en", "new_choices"],
        )
        .at("/admin/v1/attributes/colour".to_owned()),
        Route::new(
            Method::POST,
            "/admin/v1/views",
            owner,
            json!({"name": "Bright", "entity": "products", "query": {"q": "bright"}}),
            &["name", "entity", "query", "q"],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/views/{view}",
            changes,
            json!({"name": "Lamps", "query": {"q": "lamp"}}),
            &["name", "query", "q"],
        )
        .at(format!("/admin/v1/views/{view}")),
        Route::new(
            Method::POST,
            "/admin/v1/products/bulk",
            owner,
            json!({"products": [{"slug": "listed", "title": "One"}], "all_or_nothing": false}),
            &["products", "all_or_nothing", "slug", "title"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/stock/bulk",
            owner,
            json!({"levels": [{"sku": "LISTED", "delta": 1, "reason": "x", "low_threshold": 0}], "all_or_nothing": false}),
            &["levels", "all_or_nothing", "sku", "delta", "set", "reason", "low_threshold"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/prices/bulk",
            owner,
            json!({"prices": [{"sku": "LISTED", "price": usd(90), "channel": "market"}], "all_or_nothing": false}),
            &["prices", "all_or_nothing", "sku", "price", "amount", "currency", "channel", "valid_from", "valid_until"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/variants/{variant}/prices",
            owner,
            json!({"price": usd(90), "channel": "market", "valid_from": null, "valid_until": null}),
            &["price", "amount", "currency", "channel", "valid_from", "valid_until"],
        )
        .at(format!("/admin/v1/variants/{listed}/prices")),
        Route::new(
            Method::POST,
            "/admin/v1/stock/{sku}/adjust",
            owner,
            adjustment,
            &[
                "delta",
                "set",
                "reason",
                "low_threshold",
                "safety_stock",
                "backorder",
                "policy",
                "pieces",
                "promised_on",
                "location",
            ],
        )
        .at("/admin/v1/stock/LISTED/adjust".to_owned()),
        Route::new(
            Method::POST,
            "/admin/v1/stock/{sku}/count",
            owner,
            json!({"counted": 5, "reason": "yearly", "location": null}),
            &["counted", "reason", "location"],
        )
        .at("/admin/v1/stock/LISTED/count".to_owned()),
        Route::new(
            Method::POST,
            "/admin/v1/stock/{sku}/transfer",
            owner,
            json!({"from": null, "to": "hanoi", "pieces": 1, "reason": "fair"}),
            &["from", "to", "pieces", "reason"],
        )
        .at("/admin/v1/stock/LISTED/transfer".to_owned()),
        Route::new(
            Method::POST,
            "/admin/v1/locations",
            owner,
            json!({"code": "hue", "name": "Huế", "priority": 2}),
            &["code", "name", "priority"],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/locations/{location}",
            changes,
            json!({"name": "Hanoi", "priority": 1, "active": true}),
            &["name", "priority", "active"],
        )
        .at("/admin/v1/locations/hanoi".to_owned()),
        Route::new(
            Method::PATCH,
            "/admin/v1/stock-settings",
            changes,
            json!({"serving_rule": "most-available"}),
            &["serving_rule"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/categories",
            owner,
            json!({"name": "Mugs", "slug": "mugs", "parent": null, "icon": "mug",
                   "image": "https://images.example/mugs.png", "references": null, "position": 0}),
            &["name", "slug", "parent", "icon", "image", "references", "position"],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/categories/{category}",
            changes,
            name,
            &["name", "slug", "icon", "image", "references"],
        )
        .at(format!("/admin/v1/categories/{category}")),
        Route::new(
            Method::POST,
            "/admin/v1/categories/bulk",
            owner,
            json!({"nodes": [{"reference": "1", "name": "One", "slug": "one", "parent_reference": null, "parent": null}],
                   "system": null, "all_or_nothing": false}),
            &["nodes", "system", "all_or_nothing", "reference", "name", "slug", "parent_reference", "parent"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/categories/reorder",
            owner,
            json!({"parent": category, "children": []}),
            &["parent", "children"],
        ),
        Route::new(
            Method::POST,
            "/admin/v1/categories/{category}/move",
            owner,
            json!({"parent": parent, "position": 0}),
            &["parent", "position"],
        )
        .at(format!("/admin/v1/categories/{category}/move")),
        Route::new(Method::POST, "/store/v1/{organisation}/orders", &shop.shopper, order.clone(), WANTED)
            .at(shop.orders()),
        Route::new(Method::POST, "/store/v1/{organisation}/orders/queue", &shop.shopper, order, WANTED)
            .at(format!("{}/queue", shop.orders())),
        Route::new(Method::POST, "/admin/v1/orders", owner, entered.clone(), TERMS),
        Route::new(Method::POST, "/admin/v1/orders/queue", owner, entered, TERMS),
        Route::new(Method::POST, "/admin/v1/orders/import", owner, sold.clone(), SOLD),
        Route::new(Method::POST, "/admin/v1/orders/import/bulk", owner, json!({"orders": [sold]}), SOLD),
    ];
    routes.extend(queries);
    routes
}

/// The fields of bodies that say what a shopper wants.
const WANTED: &[&str] = &[
    "name",
    "lines",
    "city",
    "region",
    "postal_code",
    "country",
    "reference",
    "contact",
    "email",
    "phone",
    "shipping_address",
    "billing_address",
    "sku",
    "quantity",
    "unit_price",
    "amount",
    "currency",
];
/// The fields of bodies that say what an order costs.
const TERMS: &[&str] = &[
    "lines",
    "customer",
    "channel",
    "reference",
    "sku",
    "quantity",
    "unit_price",
    "discount",
    "shipping",
    "tax",
    "total",
    "amount",
    "currency",
    "contact",
    "name",
    "email",
    "phone",
    "shipping_address",
    "billing_address",
];
/// The fields of bodies that say what was sold elsewhere.
const SOLD: &[&str] = &[
    "orders",
    "channel",
    "external_reference",
    "placed_at",
    "raw_status",
    "raw_status_at",
    "status",
    "stock",
    "lines",
    "customer",
    "reference",
    "sku",
    "quantity",
    "unit_price",
    "discount",
    "shipping",
    "tax",
    "packed",
    "total",
    "paid",
    "carrier",
    "tracking_number",
    "restocked",
    "amount",
    "currency",
    "contact",
    "name",
    "email",
    "phone",
    "shipping_address",
    "billing_address",
];
/// The fields of bodies that name pieces.
const PIECES: &[&str] =
    &["lines", "restocked", "written_off", "sku", "quantity", "carrier", "tracking_number", "reason"];
/// The fields of bodies that name money.
const MONEY: &[&str] = &["payment", "kind", "method", "reference", "amount", "currency", "reason"];

/// What is done with an order after it was placed, in an order in which each step can be done.
async fn of_orders(shop: &Shop) -> Vec<Route> {
    let owner = &shop.owner;
    let (whole, wanted) = (shop.place(&[("LISTED", 5)]).await, shop.place(&[("LISTED", 1)]).await);
    let edited = shop.place(&[("LISTED", 2)]).await.order;
    for order in [whole.order, wanted.order, edited] {
        shop.reaches(order, "confirmed").await;
    }
    let at = format!("/admin/v1/orders/{}", whole.order);
    let pieces = |count: i64| json!([{"sku": "LISTED", "quantity": count}]);
    let made = async |step: &str, body: Value, field: &str| {
        let (status, made) = owner.post(&format!("{at}/{step}"), &body).await;
        assert_eq!(status, 201, "{step}: {made}");
        made[field].as_str().unwrap().to_owned()
    };
    let parcel = made("ship", json!({"lines": pieces(3)}), "parcel").await;
    assert_eq!(owner.post(&format!("{at}/parcels/{parcel}/deliver"), &json!({})).await.0, 200);
    let declined = made("returns", json!({"lines": pieces(1)}), "return_id").await;
    let received = made("returns", json!({"lines": pieces(1)}), "return_id").await;
    let cash = json!({"kind": "received", "method": "cash", "reference": "No. 1", "amount": usd(500)});
    let payment = made("payments", cash.clone(), "payment").await;
    let reason = json!({"reason": "The customer called."});
    let refund =
        json!({"payment": payment, "method": "cash", "reference": "No. 2", "amount": usd(100), "reason": "Late"});
    let parcel = json!({"lines": pieces(1), "carrier": "Post", "tracking_number": "RR1"});
    let back = json!({"restocked": pieces(1), "written_off": []});
    let cancelled = json!({"lines": pieces(1), "reason": "Broken"});
    let step = |step: &str, body: &Value, order: &'static [&'static str]| {
        let path: &'static str = match step {
            "cancel-request" => "/admin/v1/orders/{order}/cancel-request",
            "cancel-decline" => "/admin/v1/orders/{order}/cancel-decline",
            "addition/withdraw" => "/admin/v1/orders/{order}/addition/withdraw",
            "hold" => "/admin/v1/orders/{order}/hold",
            "release" => "/admin/v1/orders/{order}/release",
            "pack" => "/admin/v1/orders/{order}/pack",
            "ship" => "/admin/v1/orders/{order}/ship",
            "cancel-lines" => "/admin/v1/orders/{order}/cancel-lines",
            "returns" => "/admin/v1/orders/{order}/returns",
            "payments" => "/admin/v1/orders/{order}/payments",
            "refunds" => "/admin/v1/orders/{order}/refunds",
            "notes" => "/admin/v1/orders/{order}/notes",
            other => panic!("{other} is no step"),
        };
        Route::new(Method::POST, path, owner, body.clone(), order).at(format!("{at}/{step}"))
    };
    let token = shop.shopper.clone().with("order-token", &wanted.token);
    vec![
        Route::new(Method::POST, "/admin/v1/orders/queue/{order}/cancel", owner, reason.clone(), &["reason"])
            .at(format!("/admin/v1/orders/queue/{}/cancel", OrderId::new()))
            .refused_as("/problems/not-found"),
        step("cancel-request", &reason, &["reason"]),
        step("cancel-decline", &reason, &["reason"]),
        step("addition/withdraw", &reason, &["reason"]),
        step("hold", &reason, &["reason"]),
        step("release", &reason, &["reason"]),
        step("pack", &json!({"lines": pieces(1)}), PIECES),
        step("ship", &parcel, PIECES),
        step("cancel-lines", &cancelled, PIECES),
        step("returns", &json!({"lines": pieces(1), "reason": "Too small"}), PIECES),
        step("payments", &cash, MONEY),
        step("refunds", &refund, MONEY),
        step("notes", &json!({"text": "Call before delivery."}), &["text"]),
        Route::new(
            Method::PATCH,
            "/admin/v1/orders/{order}/lines",
            &owner.clone().with("if-match", "*").with("idempotency-key", "one-piece-less-of-the-listed"),
            json!({
                "lines": [{"sku": "LISTED", "quantity": 1, "unit_price": usd(100)}], "reason": "One is enough",
            }),
            &["lines", "sku", "quantity", "unit_price", "amount", "currency", "reason"],
        )
        .at(format!("/admin/v1/orders/{edited}/lines")),
        Route::new(
            Method::POST,
            "/admin/v1/orders/{order}/returns/{return}/decline",
            owner,
            reason.clone(),
            &["reason"],
        )
        .at(format!("{at}/returns/{declined}/decline")),
        Route::new(Method::POST, "/admin/v1/orders/{order}/returns/{return}/receive", owner, back, PIECES)
            .at(format!("{at}/returns/{received}/receive")),
        Route::new(Method::POST, "/store/v1/{organisation}/orders/{order}/cancel-request", &token, reason, &["reason"])
            .at(format!("{}/{}/cancel-request", shop.orders(), wanted.order)),
    ]
}

/// What auth takes of those who have no token yet.
async fn of_visitors(store: &Store, shop: &Shop) -> Vec<Route> {
    let visitor = &shop.shopper.clone().from_address(Scene::own_address());
    let setting_up = &visitor.clone().with("x-setup-token", store.setup_token());
    let person =
        |who: &str| json!({"email": format!("{who}@{}.example", shop.slug), "name": "Ana", "password": PASSWORD});
    let login = |who: &str| json!({"email": format!("{who}@{}.example", shop.slug), "password": PASSWORD});
    let (_, session) = visitor.post("/auth/v1/login", &shop.credentials()).await;
    let (_, invited) =
        shop.owner.post("/admin/v1/invitations", &json!({"email": "b@c.example", "roles": ["viewer"]})).await;
    let customers = format!("/store/v1/{}/customers", shop.slug);
    let (_, cleo) = visitor.post(&customers, &person("cleo")).await;
    let cleo = visitor.clone().with("authorization", &format!("Bearer {}", cleo["access_token"].as_str().unwrap()));
    let organisation = &["slug", "email", "password", "name", "currency", "country", "time_zone", "owner"];
    let acceptance = json!({"token": invited["token"], "name": "Bob", "password": PASSWORD});
    vec![
        Route::new(Method::POST, "/auth/v1/login", visitor, shop.credentials(), &["organisation", "email", "password"]),
        Route::new(
            Method::POST,
            "/auth/v1/refresh",
            visitor,
            json!({"refresh_token": session["refresh_token"], "organisation": shop.slug}),
            &["refresh_token", "organisation"],
        ),
        Route::new(Method::POST, "/auth/v1/invitations/accept", visitor, acceptance, &["token", "name", "password"]),
        Route::new(Method::POST, "/auth/v1/password-resets", visitor, json!({"email": "n@n.example"}), &["email"]),
        Route::new(
            Method::POST,
            "/auth/v1/password-resets/redeem",
            visitor,
            json!({"token": "unheard-of", "password": PASSWORD}),
            &["token", "password"],
        )
        .refused_as("/problems/token-refused"),
        Route::new(Method::POST, "/auth/v1/organisations", setting_up, another(shop, "2"), organisation),
        Route::new(Method::POST, "/auth/v1/operators", setting_up, person("operator"), &["email", "name", "password"]),
        Route::new(Method::POST, "/auth/v1/operators/login", visitor, login("operator"), &["email", "password"]),
        Route::new(
            Method::POST,
            "/store/v1/{organisation}/customers",
            visitor,
            person("customer"),
            &["email", "name", "password"],
        )
        .at(customers.clone()),
        Route::new(
            Method::POST,
            "/store/v1/{organisation}/customers/login",
            visitor,
            login("customer"),
            &["email", "password"],
        )
        .at(format!("{customers}/login")),
        Route::new(
            Method::POST,
            "/store/v1/{organisation}/customers/password-resets",
            visitor,
            json!({"email": "n@n.example"}),
            &["email"],
        )
        .at(format!("{customers}/password-resets")),
        Route::new(
            Method::POST,
            "/store/v1/{organisation}/customers/password-resets/redeem",
            visitor,
            json!({"token": "unheard-of", "password": PASSWORD}),
            &["token", "password"],
        )
        .at(format!("{customers}/password-resets/redeem"))
        .refused_as("/problems/token-refused"),
        Route::new(
            Method::POST,
            "/store/v1/{organisation}/customers/me/password",
            &cleo,
            json!({"current_password": PASSWORD, "password": "another long passphrase 9"}),
            &["current_password", "password"],
        )
        .at(format!("{customers}/me/password")),
    ]
}

/// The fields of a destination, and of what is in it.
const DESTINATION: &[&str] = &[
    "name",
    "email",
    "url",
    "language",
    "time_zone",
    "follow_up",
    "heartbeat_at",
    "templates",
    "rules",
    "paused",
    "mute_minutes",
    "kinds",
    "least",
    "channels",
    "severity",
    "skus",
    "quiet",
    "digest",
    "amount",
    "currency",
    "from",
    "until",
    "every_minutes",
    "kind",
    "text",
];

/// What auth and notifier take of members and operators.
async fn of_members(store: &Store, shop: &Shop) -> Vec<Route> {
    let operator = &Client::new(&store.gateways()[0], Some(&store.operator().await));
    let (owner, changes) = (&shop.owner, &shop.owner.clone().with("if-match", "*"));
    let (_, members) = owner.get("/admin/v1/members").await;
    let member = members["items"][0]["id"].as_str().unwrap();
    let permissions = json!(["product:read"]);
    let key = json!({"name": "Key", "permissions": permissions, "networks": ["10.0.0.0/8"], "expires_at": null});
    let price = json!({"amount": "9.90", "currency": "USD"});
    let rules = json!({
        "kinds": ["order-placed"], "least": [price], "channels": ["shop"], "severity": "info", "skus": ["TEA-1"],
        "quiet": {"from": "22:00", "until": "07:00"}, "digest": {"every_minutes": 30},
    });
    let destination = json!({
        "name": "Operations", "language": "en", "time_zone": "Asia/Ho_Chi_Minh", "follow_up": "edit", "heartbeat_at": "08:00",
        "templates": [{"kind": "order-placed", "text": "{order}"}], "rules": rules,
    });
    let mut changed = destination.clone();
    changed["paused"] = Value::Null;
    let (status, made) = owner.post("/admin/v1/destinations", &destination).await;
    assert_eq!(status, 201, "{made}");
    let made = made["destination"]["id"].as_str().unwrap();
    let organisation = json!({"name": "New", "country": "SG", "time_zone": "Asia/Singapore", "guests": true});
    let password = json!({"current_password": PASSWORD, "password": "another long passphrase 9"});
    vec![
        Route::new(
            Method::POST,
            "/admin/v1/roles",
            owner,
            json!({"name": "packer", "permissions": permissions}),
            &["name", "permissions"],
        ),
        Route::new(
            Method::PATCH,
            "/admin/v1/roles/{role}",
            changes,
            json!({"permissions": permissions}),
            &["permissions"],
        )
        .at("/admin/v1/roles/packer".to_owned()),
        Route::new(
            Method::POST,
            "/admin/v1/invitations",
            owner,
            json!({"email": "c@d.example", "roles": ["viewer"]}),
            &["email", "roles"],
        ),
        Route::new(Method::PATCH, "/admin/v1/members/{member}", changes, json!({"roles": ["owner"]}), &["roles"])
            .at(format!("/admin/v1/members/{member}")),
        Route::new(Method::POST, "/admin/v1/api-keys", owner, key, &["name", "permissions", "networks", "expires_at"]),
        Route::new(Method::POST, "/admin/v1/destinations", owner, destination, DESTINATION),
        Route::new(Method::PATCH, "/admin/v1/destinations/{destination}", changes, changed, DESTINATION)
            .at(format!("/admin/v1/destinations/{made}")),
        Route::new(
            Method::POST,
            "/admin/v1/destinations/{destination}/preview",
            owner,
            json!({"kind": "order-placed", "text": "{order}"}),
            &["kind", "text"],
        )
        .at(format!("/admin/v1/destinations/{made}/preview")),
        Route::new(
            Method::PATCH,
            "/admin/v1/organisation",
            changes,
            organisation,
            &["name", "country", "time_zone", "guests"],
        ),
        Route::new(
            Method::POST,
            "/platform/v1/organisations",
            operator,
            another(shop, "3"),
            &["slug", "email", "password", "name", "currency", "country", "time_zone", "owner"],
        ),
        Route::new(Method::POST, "/auth/v1/password", operator, password, &["current_password", "password"]),
    ]
}

/// An organisation that nobody has made yet.
fn another(shop: &Shop, ending: &str) -> Value {
    json!({
        "slug": format!("{}-{ending}", shop.slug), "name": "Another", "currency": "USD", "country": "VN",
        "time_zone": "Asia/Ho_Chi_Minh",
        "owner": {"email": format!("owner@{}-{ending}.example", shop.slug), "password": PASSWORD, "name": "Ana"},
    })
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
    shop.sell(&store, &[("LISTED", 100, 50)]).await;
    let mut routes = of_visitors(&store, &shop).await;
    routes.extend(of_goods(&shop).await);
    routes.extend(of_orders(&shop).await);
    routes.extend(of_members(&store, &shop).await);

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
            let wanted = ["must be an object", "must be an object or null"]
                .map(|reason| json!([{"field": field, "reason": reason}]));
            assert!(wanted.contains(&sent.json()["errors"]), "{place}");
        }
        let sent = route.client.send(route.method, &route.address, Some(route.body.to_string().into())).await;
        let said = format!("{} does not take its own body: {}", route.path, sent.text());
        match route.refused {
            None => assert!((200..300).contains(&sent.status), "{said}"),
            Some(problem) => assert_eq!(sent.json()["type"], problem, "{said}"),
        }
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
