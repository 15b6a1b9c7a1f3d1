//! One category service in a scene of its own, in this process, assembled as the program is.

use std::time::Duration;

use contracts::{
    Channel,
    catalog::{ProductState, ProductStatus, VariantState},
    category::CategoryState,
    topics,
};
use kernel::{CategoryId, Currency, Money, ProductId, Sku, Slug, VariantId};
use mediator::Mediator;
use serde_json::{Value, json};
use testkit::{Caller, Client, Running, Scene, Topics};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) scene: Scene,
    service: Running,
}

impl World {
    /// HTTP and database only.
    pub(crate) async fn quiet() -> Self {
        Self::with(Topics::Off).await
    }

    /// With the relay, on a topic of its own.
    pub(crate) async fn connected() -> Self {
        Self::with(Topics::On).await
    }

    async fn with(topics: Topics) -> Self {
        let scene = Scene::of(category::NAME, category::MIGRATIONS).connections(6).build().await;
        let service = scene.start(category::assembly(), topics).await;
        Self { scene, service }
    }

    pub(crate) async fn stop(self) {
        self.service.stop().await;
    }

    pub(crate) fn client(&self, caller: Caller) -> Client {
        self.scene.client(self.service.base(), caller)
    }

    pub(crate) fn owner(&self) -> Client {
        self.client(Caller::Owner)
    }

    /// Creates a category named after its slug and returns its id.
    pub(crate) async fn create(&self, slug: &str, parent: Option<&str>) -> String {
        let (status, body) = self.owner().post("/admin/v1/categories", &named(slug, parent)).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    /// Moves a category; the status and what was answered.
    pub(crate) async fn relocate(&self, category: &str, parent: Option<&str>, position: Option<u32>) -> (u16, Value) {
        let path = format!("/admin/v1/categories/{category}/move");
        self.owner().post(&path, &json!({"parent": parent, "position": position})).await
    }

    /// The tree as staff sees it: each line a slug, indented by its depth.
    pub(crate) async fn tree(&self) -> Vec<String> {
        let (status, body) = self.owner().get("/admin/v1/categories").await;
        assert_eq!(status, 200, "{body}");
        drawn(&body)
    }

    pub(crate) fn mediator(&self) -> &Mediator {
        self.service.mediator()
    }

    /// One value from the database, as text, as a superuser sees it.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.scene.superuser().await.query(&format!("select ({sql})::text"), &[]).await.unwrap();
        rows[0].get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.scene.superuser().await.batch_execute(sql).await.unwrap();
    }

    /// What the shop shows, as it answers.
    pub(crate) async fn shop(&self) -> Value {
        let path = format!("/store/v1/{}/categories", self.scene.slug());
        let (status, body) = self.client(Caller::Anonymous).get(&path).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Every state on the topic, with the version of its envelope.
    pub(crate) async fn states(&self) -> Vec<(i64, CategoryState)> {
        let records = self.scene.read(topics::CATEGORY.name).await;
        let state = |record: &messaging::Record| {
            let version = record.header("ce_aggregateversion").unwrap().parse().unwrap();
            let event_type = record.header("ce_type").unwrap();
            let state = CategoryState::decode(event_type, record.payload.as_deref().unwrap()).unwrap();
            assert_eq!(record.key_text(), state.key().to_string(), "the key is the category");
            (version, state)
        };
        records.iter().map(state).collect()
    }
}

pub(crate) fn named(slug: &str, parent: Option<&str>) -> Value {
    json!({"name": slug.to_uppercase(), "slug": slug, "parent": parent})
}

/// A listing as lines: each a slug, indented by its depth.
pub(crate) fn drawn(listing: &Value) -> Vec<String> {
    let line = |item: &Value| {
        let depth = item["path"].as_array().unwrap().len();
        format!("{}{}", "  ".repeat(depth - 1), item["slug"].as_str().unwrap())
    };
    listing["items"].as_array().unwrap().iter().map(line).collect()
}

/// A product as catalog publishes it.
pub(crate) fn product(
    product: ProductId,
    category: Option<CategoryId>,
    status: ProductStatus,
    version: i64,
) -> ProductState {
    let slug = Slug::parse("a-product").unwrap();
    let price = Money::from_minor(990, Currency::parse("USD").unwrap()).unwrap();
    let variant = VariantState::new(VariantId::new(), Sku::parse("A-1").unwrap(), "A variant".to_owned(), price);
    ProductState {
        category,
        variants: vec![variant],
        ..ProductState::new(product, slug, "A product".to_owned(), status, version)
    }
}
