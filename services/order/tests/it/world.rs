//! One order service in a scene of its own, in this process: HTTP on a free port, and on request relay and consumer.

use std::time::Duration;

use contracts::{
    catalog::{Expired, Reason, Rejected, ReservationEvent, Reserved},
    topics,
};
use kernel::{Clock, Currency, Money, OrderId, ProductId, Sku, VariantId};
use mediator::{Mediator, Scope};
use messaging::{Consumer, Producer, Relay};
use order::{
    commands::ApplyProducts,
    domain::{Product, Variant},
    http::{self, Shop},
    processes::WaitingRoom,
};
use serde_json::{Value, json};
use testkit::{Caller, Client, Reply, Scene, eventually};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) mediator: Mediator,
    base: String,
    server: Option<rest::server::Server>,
    parts: Option<(Relay, Consumer)>,
}

impl World {
    /// HTTP and database only: orders stay pending unless the test says otherwise.
    pub(crate) async fn quiet() -> Self {
        Self::with_deadline(30).await
    }

    /// The same with another deadline.
    pub(crate) async fn with_deadline(seconds: u32) -> Self {
        let scene = Scene::of(order::NAME, order::MIGRATIONS).connections(6).build().await;
        let mediator = scene.mediator();
        let shop = Shop { waiting_room: WaitingRoom::default(), deadline_seconds: seconds };
        let app = rest::App::new(order::NAME, mediator.clone(), scene.verifier(), scene.organisations()).with(shop);
        let settings = rest::server::Settings::new("127.0.0.1:0".parse().unwrap()).workers(1);
        let server = rest::server::start(settings, app, http::routes()).unwrap();
        let base = format!("http://{}", server.address());
        Self { scene, mediator, base, server: Some(server), parts: None }
    }

    /// With relay and consumer on topics of its own.
    pub(crate) async fn connected() -> Self {
        Self::quiet().await.connect().await
    }

    /// Adds relay and consumer.
    pub(crate) async fn connect(mut self) -> Self {
        let kafka = self.scene.messaging();
        self.scene.topics(&[topics::ORDER]).await;
        let producer = Producer::new(&kafka).unwrap();
        let relay = Relay::start(self.mediator.database().clone(), producer.clone());
        let subscriptions = order::events::subscriptions();
        let consumer = Consumer::start(kafka, self.mediator.clone(), producer, subscriptions).await.unwrap();
        self.parts = Some((relay, consumer));
        self
    }

    pub(crate) async fn stop(mut self) {
        if let Some((relay, consumer)) = self.parts.take() {
            consumer.stop(PATIENCE).await;
            relay.stop(PATIENCE).await;
        }
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    pub(crate) fn client(&self, caller: Caller) -> Client {
        self.scene.client(&self.base, caller)
    }

    pub(crate) fn shopper(&self) -> Client {
        self.client(Caller::Anonymous)
    }

    /// The shop's orders.
    pub(crate) fn orders(&self) -> String {
        format!("/store/v1/{}/orders", self.scene.slug())
    }

    /// Lets SKUs be sold, without a topic.
    pub(crate) async fn sell(&self, goods: &[(&str, i64)]) {
        let products = goods.iter().map(|(sku, price)| product(sku, 1, *price)).collect();
        self.apply(products).await;
    }

    pub(crate) async fn apply(&self, products: Vec<Product>) {
        let scope = Scope::system(order::NAME, self.scene.organisation());
        self.mediator.send(&scope, ApplyProducts { products, rebuild: false }).await.unwrap();
    }

    /// Places one piece of a SKU.
    pub(crate) async fn place(&self, sku: &str) -> Placed {
        let reply = self.shopper().post_reply(&self.orders(), &one(sku)).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        Placed::of(&reply)
    }

    /// The order as staff sees it.
    pub(crate) async fn read(&self, order: OrderId) -> Value {
        let (status, body) = self.client(Caller::Owner).get(&format!("/admin/v1/orders/{order}")).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Waits until the order has this status.
    pub(crate) async fn reaches(&self, order: OrderId, status: &str) -> Value {
        eventually(PATIENCE, async || {
            let seen = self.read(order).await;
            if seen["status"] == status { Ok(seen) } else { Err(seen["status"].clone()) }
        })
        .await
    }

    /// One value from the database, as text, as a superuser sees it.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.scene.superuser().await.query(&format!("select ({sql})::text"), &[]).await.unwrap();
        rows[0].get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.scene.superuser().await.batch_execute(sql).await.unwrap();
    }

    /// What catalog would answer.
    pub(crate) async fn reserved(&self, order: OrderId) {
        let expires_at = Clock::now() + Duration::from_secs(90);
        self.scene.publish(1, &ReservationEvent::Reserved(Reserved { order, lines: vec![], expires_at })).await;
    }

    pub(crate) async fn rejected(&self, order: OrderId, reasons: Vec<Reason>) {
        self.scene.publish(1, &ReservationEvent::Rejected(Rejected { order, reasons })).await;
    }

    pub(crate) async fn expired(&self, order: OrderId) {
        self.scene.publish(2, &ReservationEvent::Expired(Expired { order })).await;
    }

    /// What this service said about an order, in order: type and version.
    pub(crate) async fn said(&self, order: OrderId) -> Vec<(String, i64)> {
        let mut said = Vec::new();
        for record in self.scene.read(topics::ORDER.name).await {
            let envelope = contracts::Envelope::from_headers(record.header_pairs()).unwrap();
            if envelope.subject == order.uuid() {
                said.push((envelope.event_type, envelope.aggregate_version));
            }
        }
        said
    }
}

pub(crate) struct Placed {
    pub(crate) order: OrderId,
    pub(crate) token: String,
}

impl Placed {
    pub(crate) fn of(reply: &Reply) -> Self {
        let body = reply.json();
        let text = |field: &str| body[field].as_str().unwrap_or_else(|| panic!("no {field}: {body}")).to_owned();
        Self { order: text("id").parse().unwrap(), token: text("order_token") }
    }
}

pub(crate) fn one(sku: &str) -> Value {
    json!({"lines": [{"sku": sku, "quantity": 1}]})
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
}

/// A product with one variant of this SKU.
pub(crate) fn product(sku: &str, version: i64, price: i64) -> Product {
    let variant = Variant {
        id: VariantId::new(),
        sku: Sku::parse(sku).unwrap(),
        title: "one size".to_owned(),
        price: usd(price),
        for_sale: true,
    };
    Product { id: ProductId::new(), version, title: format!("Product {sku}"), removed: false, variants: vec![variant] }
}
