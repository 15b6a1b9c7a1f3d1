//! One organisation and its shop, as its staff and its shoppers see it: through the gateways only.

use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{Client, Reply, Scene, eventually};
use uuid::Uuid;

use crate::{PATIENCE, Store};

/// Everybody's password.
pub const PASSWORD: &str = "a long enough passphrase 7";

/// An organisation with an owner who is logged in.
#[derive(Clone)]
pub struct Shop {
    /// Its name in paths, different for every shop.
    pub slug: String,
    /// Its owner, by the first gateway.
    pub owner: Client,
    /// Anybody, by the last gateway.
    pub shopper: Client,
    /// The owner's access token.
    pub token: String,
    email: String,
}

/// What placing was answered with.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The order.
    pub order: OrderId,
    /// What lets its holder read and cancel it.
    pub token: String,
    /// The whole reply.
    pub body: Value,
}

impl Placed {
    /// From the reply of placing.
    ///
    /// # Panics
    /// When it is no receipt.
    #[must_use]
    pub fn of(reply: &Reply) -> Placed {
        assert!(matches!(reply.status, 201 | 202), "not accepted: {} {}", reply.status, reply.text());
        let body = reply.json();
        let (Some(id), Some(token)) = (body["id"].as_str(), body["order_token"].as_str()) else {
            panic!("no receipt: {body}")
        };
        let Ok(order) = id.parse() else { panic!("no order id: {id}") };
        Placed { order, token: token.to_owned(), body: body.clone() }
    }
}

impl Shop {
    /// Creates an organisation, logs its owner in, and waits until every replica knows both.
    pub async fn open(store: &Store, name: &str) -> Shop {
        let slug = format!("{name}-{}", &Uuid::new_v4().simple().to_string()[..8]);
        let gateways = store.gateways();
        let (first, last) =
            (gateways.first().cloned().unwrap_or_default(), gateways.last().cloned().unwrap_or_default());
        let shopper = Client::new(last, None);
        let email = format!("owner@{slug}.example");
        // Logins of one address are limited, and all tests are at one.
        let visitor = Client::new(&first, None).from_address(Scene::own_address());
        let organisation = json!({
            "slug": slug, "name": format!("The {name} shop"), "currency": "USD",
            "owner": {"email": email, "password": PASSWORD, "name": "Ana Owner"},
        });
        let setting_up = visitor.clone().with("x-setup-token", store.setup_token());
        let (status, body) = setting_up.post("/auth/v1/organisations", &organisation).await;
        assert_eq!(status, 201, "{body}");
        let mut shop = Shop { slug, owner: visitor, shopper, token: String::new(), email };
        shop.token = shop.log_in(&first).await;
        shop.owner = shop.owner.with("authorization", &format!("Bearer {}", shop.token));
        shop.is_known_everywhere(store).await;
        shop
    }

    /// Logs the owner in by this gateway; the access token.
    pub async fn log_in(&self, gateway: &str) -> String {
        let wanted = json!({"organisation": self.slug, "email": self.email, "password": PASSWORD});
        let visitor = Client::new(gateway, None).from_address(Scene::own_address());
        let (status, body) = visitor.post("/auth/v1/login", &wanted).await;
        assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")), "{body}");
        body["access_token"].as_str().unwrap_or_default().to_owned()
    }

    /// The body of logging in.
    #[must_use]
    pub fn credentials(&self) -> Value {
        json!({"organisation": self.slug, "email": self.email, "password": PASSWORD})
    }

    /// Each replica hears of keys and organisations in its own time; nothing that follows should depend on which one
    /// answers.
    async fn is_known_everywhere(&self, store: &Store) {
        let (categories, products, orders) = ("/admin/v1/categories", "/admin/v1/products", "/admin/v1/orders");
        for (service, staff) in [("category", categories), ("catalog", products), ("order", orders)] {
            let shop =
                format!("/store/v1/{}/{}", self.slug, if service == "category" { "categories" } else { "products" });
            let shop = if service == "order" { format!("{}/{}", self.orders(), OrderId::new()) } else { shop };
            let addresses = store.urls(service).into_iter().chain(store.gateways());
            for address in addresses {
                let (owner, anyone) = (Client::new(&address, Some(&self.token)), Client::new(&address, None));
                eventually(PATIENCE, async || {
                    let (told, _) = owner.get(staff).await;
                    let (_, seen) = anyone.get(&shop).await;
                    let unknown = seen["type"] == "/problems/organisation-not-found";
                    if told == 200 && !unknown { Ok(()) } else { Err(format!("{address}: {told} for staff, {seen}")) }
                })
                .await;
            }
        }
    }

    /// Where its orders are.
    #[must_use]
    pub fn orders(&self) -> String {
        format!("/store/v1/{}/orders", self.slug)
    }

    /// Creates a category; its id.
    pub async fn category(&self, slug: &str, parent: Option<&str>) -> String {
        let mut wanted = json!({"slug": slug, "name": slug});
        if let Some(parent) = parent {
            wanted["parent"] = json!(parent);
        }
        let (status, body) = self.owner.post("/admin/v1/categories", &wanted).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Imports products, given as NDJSON; a line per row, without the summary, and the summary.
    pub async fn import(&self, lines: &str) -> (Vec<Value>, Value) {
        let importer = self.owner.clone().with("content-type", "application/x-ndjson");
        let reply = importer.send(reqwest::Method::POST, "/admin/v1/imports", Some(lines.as_bytes().to_vec())).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let mut rows: Vec<Value> =
            reply.text().lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect();
        let summary = rows.pop().map_or(Value::Null, |last| last["summary"].clone());
        assert!(summary.is_object(), "the import was cut off: {}", reply.text());
        (rows, summary)
    }

    /// Puts goods on sale, each `(sku, price in cents, stock)` a product of its own, and waits until they can be ordered.
    pub async fn sell(&self, store: &Store, goods: &[(&str, i64, i64)]) {
        let lines: Vec<String> = goods
            .iter()
            .map(|(sku, price, stock)| {
                let variant = json!({"sku": sku, "price": usd(*price), "stock": stock});
                json!({"slug": sku.to_lowercase(), "title": format!("Product {sku}"), "variants": [variant]})
                    .to_string()
            })
            .collect();
        let (rows, summary) = self.import(&lines.join("\n")).await;
        assert_eq!(summary["failed"], 0, "{rows:?}");
        let skus: Vec<&str> = goods.iter().map(|(sku, ..)| *sku).collect();
        self.can_be_ordered(store, &skus).await;
    }

    /// Waits until order's own copy of the catalog has these SKUs.
    pub async fn can_be_ordered(&self, store: &Store, skus: &[&str]) {
        let client = store.superuser().await;
        let statement =
            "select count(distinct s.sku) from \"order\".sellable s join auth.organisations o on o.org_id = s.org_id
                         where o.slug = $1 and s.sku = any($2) and s.for_sale";
        eventually(PATIENCE, async || {
            let row = client.query_one(statement, &[&self.slug, &skus]).await.map_err(|error| error.to_string())?;
            let known: i64 = row.get(0);
            if usize::try_from(known) == Ok(skus.len()) {
                Ok(())
            } else {
                Err(format!("{known} of {skus:?} can be ordered"))
            }
        })
        .await;
    }

    /// Places an order as anybody.
    pub async fn place(&self, lines: &[(&str, i64)]) -> Placed {
        Placed::of(&self.shopper.post_reply(&self.orders(), &order_of(lines)).await)
    }

    /// Queues an order as anybody and waits until it is placed.
    pub async fn queue(&self, wanted: &Value) -> Placed {
        let reply = self.shopper.post_reply(&format!("{}/queue", self.orders()), wanted).await;
        let placed = Placed::of(&reply);
        eventually(PATIENCE, async || {
            let told = self.queued(placed.order).await;
            if told["status"] == "placed" { Ok(()) } else { Err(told) }
        })
        .await;
        placed
    }

    /// What became of a queued order, as staff sees it.
    pub async fn queued(&self, order: OrderId) -> Value {
        let (status, body) = self.owner.get(&format!("/admin/v1/orders/queue/{order}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The order as staff sees it.
    pub async fn read(&self, order: OrderId) -> Value {
        let (status, body) = self.owner.get(&format!("/admin/v1/orders/{order}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until the order has this status.
    pub async fn reaches(&self, order: OrderId, status: &str) -> Value {
        eventually(PATIENCE, async || {
            let seen = self.read(order).await;
            if seen["status"] == status { Ok(seen) } else { Err(seen["status"].clone()) }
        })
        .await
    }

    /// Waits until the order has this status no more.
    pub async fn leaves(&self, order: OrderId, status: &str) -> Value {
        eventually(PATIENCE, async || {
            let seen = self.read(order).await;
            if seen["status"] == status { Err(seen["status"].clone()) } else { Ok(seen) }
        })
        .await
    }

    /// `(on hand, reserved, held, available)` of a SKU, as staff sees it.
    pub async fn stock(&self, sku: &str) -> Value {
        let (status, body) = self.owner.get(&format!("/admin/v1/stock/{sku}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The catalog's id of the product with this slug.
    pub async fn product(&self, slug: &str) -> Value {
        let mut path = "/admin/v1/products?limit=100".to_owned();
        loop {
            let (status, page) = self.owner.get(&path).await;
            assert_eq!(status, 200, "{page}");
            if let Some(found) = page["items"].as_array().into_iter().flatten().find(|it| it["slug"] == slug) {
                return found.clone();
            }
            let Some(next) = page["next_cursor"].as_str() else { panic!("there is no product {slug}") };
            path = format!("/admin/v1/products?limit=100&cursor={next}");
        }
    }
}

/// The body of an order of `(sku, quantity)`.
#[must_use]
pub fn order_of(lines: &[(&str, i64)]) -> Value {
    let lines: Vec<Value> = lines.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
    json!({ "lines": lines })
}

/// Money as JSON has it.
#[must_use]
pub fn usd(minor: i64) -> Value {
    json!({"amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": "USD"})
}
