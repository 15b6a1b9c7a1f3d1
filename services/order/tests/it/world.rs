//! One order service in a scene of its own, in this process, wired as in production. The sweep runs once at the start
//! and then sleeps unless the test says otherwise.

use std::time::Duration;

use contracts::{
    catalog::{
        Expired, Extended, ExtensionRefused, Listing, ProductState, ProductStatus, Reason, Rejected, ReservationEvent,
        Reserved, VariantState,
    },
    topics,
};
use kernel::{Clock, Currency, CustomerId, Money, OrderId, OrganisationId, ProductId, Sku, Slug, VariantId};
use mediator::{Mediator, Scope, SendError};
use order::{
    commands::ApplyProducts,
    config::{FollowLimits, Polling, Settings},
    domain::{Deadline, HoldLimits, Manual, OtherPrices, Payments, Product, Variant},
    error::Error,
    processes::deadline_sweep,
};
use serde_json::{Value, json};
use testkit::{Caller, Client, Reply, Running, Scene, Topics, eventually};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// Longer than any test runs.
const NEVER: Duration = Duration::from_secs(3_600);

/// Tests place more orders from one address than anybody else.
const UNLIMITED: HoldLimits = HoldLimits { per_customer: 0, per_address: 0 };

/// Orders stay pending for half a minute unless the test says otherwise.
pub(crate) fn settings() -> Settings {
    with_deadline(30)
}

/// A deadline that nothing moves: where there is no relay, every event waits in the outbox for ever.
pub(crate) fn with_deadline(seconds: u32) -> Settings {
    let deadline = Deadline { seconds, limit_seconds: seconds };
    let following = FollowLimits { most: 50, life: NEVER, polling: Polling::default() };
    Settings {
        deadline,
        unpaid_hold: None,
        limits: UNLIMITED,
        sweep_interval: NEVER,
        polling: Polling::default(),
        following,
    }
}

/// Whoever waits or follows does not poll: a request finds its order settled when it is woken, or when its time is over.
pub(crate) fn woken_only(settings: Settings) -> Settings {
    let polling = Polling { first: NEVER, longest: NEVER };
    Settings { polling, following: FollowLimits { polling, ..settings.following }, ..settings }
}

/// The reply to a request with `Prefer: wait=30`, which was woken and did not wait till the end.
pub(crate) async fn woken(reply: impl Future<Output = Reply>) -> Reply {
    let reply = tokio::time::timeout(Duration::from_secs(25), reply).await;
    assert!(reply.is_ok(), "nobody woke the request that waits");
    reply.unwrap()
}

pub(crate) struct World {
    pub(crate) scene: Scene,
    service: Running,
    pub(crate) deadline: Deadline,
}

impl World {
    /// HTTP and database only.
    pub(crate) async fn quiet() -> Self {
        Self::start(settings(), Topics::Off).await
    }

    /// With relay and consumer on topics of its own.
    pub(crate) async fn connected() -> Self {
        Self::start(settings(), Topics::On).await
    }

    pub(crate) async fn start(settings: Settings, topics: Topics) -> Self {
        Self::with_payments(settings, Payments::by(Manual), topics).await
    }

    /// With another provider of payments.
    pub(crate) async fn with_payments(settings: Settings, payments: Payments, topics: Topics) -> Self {
        let scene = Scene::of(order::NAME, order::MIGRATIONS).connections(6).build().await;
        let service = scene.start(order::assembly_with(settings, payments), topics).await;
        Self { scene, service, deadline: settings.deadline }
    }

    /// With relay and consumer on another broker than the one that all tests share.
    pub(crate) async fn start_on(brokers: &str, settings: Settings) -> Self {
        let scene = Scene::of(order::NAME, order::MIGRATIONS).connections(6).build().await;
        let mut surroundings = scene.surroundings(Topics::On);
        surroundings.kafka.brokers = brokers.to_owned();
        let service = scene.start_in(order::assembly(settings), surroundings).await;
        Self { scene, service, deadline: settings.deadline }
    }

    /// What the service, which is ready, says is away.
    pub(crate) async fn away(&self) -> Vec<String> {
        let report = self.service.boot().health().report().await;
        assert!(report.ready, "{report:?}");
        report.away.into_iter().map(|one| format!("{}: {}", one.name, one.reason)).collect()
    }

    /// One sweep of overdue orders; how many it found.
    pub(crate) async fn sweep(&self) -> Result<usize, SendError<Error>> {
        deadline_sweep::sweep(self.mediator(), self.deadline).await
    }

    pub(crate) async fn stop(self) {
        self.service.stop().await;
    }

    pub(crate) fn mediator(&self) -> &Mediator {
        self.service.mediator()
    }

    pub(crate) fn client(&self, caller: Caller) -> Client {
        self.scene.client(self.service.base(), caller)
    }

    /// A customer of the shop who is logged in.
    pub(crate) fn customer(&self, customer: CustomerId) -> Client {
        self.scene.customer(self.service.base(), customer)
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
        let products: Vec<Product> = products
            .into_iter()
            .map(|product| Product { organisation: self.scene.organisation(), ..product })
            .collect();
        let scope = Scope::batch(order::NAME, [self.scene.organisation()]);
        self.mediator().send(&scope, ApplyProducts { products, rebuild: false }).await.unwrap();
    }

    /// What catalog would say of a product.
    pub(crate) async fn publish_product(&self, sku: &str, price: i64) {
        let product = product(sku, 1, price);
        let slug = Slug::parse(&sku.to_lowercase()).unwrap();
        let variants = product
            .variants
            .into_iter()
            .map(|variant| VariantState::new(variant.id, variant.sku, variant.title, variant.price));
        let state = ProductState {
            variants: variants.collect(),
            ..ProductState::new(product.id, slug, product.title, ProductStatus::Active, 1)
        };
        self.scene.publish(1, &state).await;
    }

    /// Places one piece of a SKU.
    pub(crate) async fn place(&self, sku: &str) -> Placed {
        let reply = self.shopper().post_reply(&self.orders(), &one(sku)).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        Placed::of(&reply)
    }

    /// Places one piece of a SKU and waits for the outcome. The request, and the order that it waits for by then.
    pub(crate) async fn place_and_wait(&self, sku: &str) -> (impl Future<Output = Reply>, Placed) {
        let (shopper, path, body) = (self.shopper().with("prefer", "wait=30"), self.orders(), one(sku));
        let waiting = tokio::spawn(async move { shopper.post_reply(&path, &body).await });
        // Its holder is still waiting for the token; the recorded reply has it already.
        let recorded = "select convert_from(body, 'UTF8') from replays";
        let receipt = eventually(PATIENCE, async || serde_json::from_str(&self.value(recorded).await)).await;
        (async move { waiting.await.unwrap() }, Placed::from(&receipt))
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

    /// What catalog would answer to an addition that it holds, in version `version` of its reservation.
    pub(crate) async fn extended(&self, order: OrderId, number: i64, version: i64) {
        let extended = Extended { order, number, lines: vec![] };
        self.scene.publish(version, &ReservationEvent::Extended(extended)).await;
    }

    /// What it would answer to one that it does not hold.
    pub(crate) async fn extension_refused(&self, order: OrderId, number: i64, reasons: Vec<Reason>) {
        let refused = ExtensionRefused { order, number, reasons };
        self.scene.publish(3, &ReservationEvent::ExtensionRefused(refused)).await;
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
        Self::from(&reply.json())
    }

    fn from(body: &Value) -> Self {
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
        other_prices: OtherPrices::default(),
        cost: Some(usd(price / 2)),
        for_sale: true,
    };
    Product {
        organisation: OrganisationId::new(),
        id: ProductId::new(),
        version,
        title: format!("Product {sku}"),
        removed: false,
        listing: Listing::default(),
        variants: vec![variant],
    }
}
