//! One catalog in a scene of its own, in this process, put together by the assembly of production.

use std::collections::BTreeMap;
use std::time::Duration;

use cache::Redis;
use catalog::config::Settings;
use catalog::domain::locale::{DefaultLocale, Locale};
use contracts::category::CategoryState;
use contracts::{Channel, Envelope};
use kernel::{CategoryId, Currency, Money, Slug};
use mediator::Mediator;
use serde_json::{Value, json};
use testkit::{Caller, Client, Running, Scene, Topics, eventually};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) running: Running,
}

impl World {
    /// Without relay and consumer.
    pub(crate) async fn quiet() -> Self {
        Self::with(Topics::Off, None).await
    }

    /// With relay and consumer on topics of its own.
    pub(crate) async fn connected() -> Self {
        Self::with(Topics::On, None).await
    }

    /// With another Redis than the cluster's, if there is one. The sweeps look once, at the start; tests let them look again.
    pub(crate) async fn with(topics: Topics, redis: Option<&str>) -> Self {
        Self::sweeping(topics, redis, Duration::from_secs(3_600)).await
    }

    /// With sweeps that look once per interval.
    pub(crate) async fn sweeping(topics: Topics, redis: Option<&str>, interval: Duration) -> Self {
        let scene = Scene::of(catalog::NAME, catalog::MIGRATIONS).connections(6).build().await;
        let settings = settings(redis.unwrap_or(&scene.cluster().redis_url), interval);
        let running = scene.start(catalog::assembly(settings), topics).await;
        Self { scene, running }
    }

    /// One more replica, whose sweeps look once per interval.
    pub(crate) async fn replica(&self, topics: Topics, interval: Duration) -> Running {
        self.scene.start(catalog::assembly(settings(&self.scene.cluster().redis_url, interval)), topics).await
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }

    pub(crate) fn mediator(&self) -> &Mediator {
        self.running.mediator()
    }

    pub(crate) fn client(&self, caller: Caller) -> Client {
        self.scene.client(self.running.base(), caller)
    }

    pub(crate) fn owner(&self) -> Client {
        self.client(Caller::Owner)
    }

    /// Creates a product whose variants are `(sku, price in cents, stock)`.
    pub(crate) async fn create(&self, slug: &str, variants: &[(&str, i64, i64)]) -> Value {
        let (status, body) = self.owner().post("/admin/v1/products", &product(slug, variants)).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    /// Sends a file; the results by line, and the summary.
    pub(crate) async fn import(&self, media_type: &str, file: &str) -> (Vec<Value>, Value) {
        let client = self.owner().with("content-type", media_type);
        let reply = client.send(reqwest::Method::POST, "/admin/v1/imports", Some(file.as_bytes().to_vec())).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let text = reply.text();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().unwrap_or_default();
        (lines, summary["summary"].clone())
    }

    /// A category's state on its topic, and the catalog's copy of it.
    pub(crate) async fn plant(&self, slug: &str, parents: &[CategoryId]) -> CategoryId {
        let category = CategoryId::new();
        self.scene.publish(1, &category_state(category, slug, parents, 1)).await;
        let known = format!("select count(*) from categories where category_id = '{}'", category.uuid());
        eventually(PATIENCE, async || self.value(&known).await == "1").await;
        category
    }

    /// On hand, reserved and held of a SKU.
    pub(crate) async fn level(&self, sku: &str) -> (i64, i64, i64) {
        let (status, body) = self.owner().get(&format!("/admin/v1/stock/{sku}")).await;
        assert_eq!(status, 200, "{body}");
        let figure = |name: &str| body[name].as_i64().unwrap();
        assert_eq!(
            figure("available"),
            figure("on_hand") - figure("reserved") - figure("held") - figure("safety_stock")
        );
        (figure("on_hand"), figure("reserved"), figure("held"))
    }

    /// One value from the database, as text, as a superuser sees it.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.scene.superuser().await.query(&format!("select ({sql})::text"), &[]).await.unwrap();
        rows[0].get::<_, Option<String>>(0).unwrap_or_default()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.scene.superuser().await.batch_execute(sql).await.unwrap();
    }

    /// Everything on one of this service's topics, with its envelope.
    pub(crate) async fn said<C: Channel>(&self) -> Vec<(Envelope, C)> {
        let records = self.scene.read(C::TOPIC.name).await;
        records
            .iter()
            .map(|record| {
                let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
                let event = C::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
                (envelope, event)
            })
            .collect()
    }

    /// The ledger is the level, the level is what the reservations promise, and nothing is below zero.
    pub(crate) async fn assert_books_agree(&self) {
        let off = books_that_differ(&self.scene.superuser().await).await;
        assert_eq!(off, 0, "SKUs whose level, ledger and reservations differ");
    }
}

/// What category says of a category below these parents.
pub(crate) fn category_state(category: CategoryId, slug: &str, parents: &[CategoryId], version: i64) -> CategoryState {
    CategoryState {
        category,
        parent: parents.last().copied(),
        name: slug.to_owned(),
        slug: Slug::parse(slug).unwrap(),
        path: parents.iter().copied().chain([category]).collect(),
        position: 0,
        removed: false,
        icon: None,
        image: None,
        references: BTreeMap::new(),
        version,
    }
}

fn settings(redis: &str, sweep_interval: Duration) -> Settings {
    Settings {
        redis: Redis::open(redis).unwrap(),
        cache_lifetime: Duration::from_secs(600),
        reservation_margin: Duration::from_secs(60),
        sweep_interval,
        default_locale: DefaultLocale(Locale::english()),
    }
}

/// SKUs whose level, ledger and reservations differ, or that were promised more often than they may be, and sums of the ledger that
/// are not those of all its entries; and places that are to give orders something else than the orders know.
pub(crate) async fn books_that_differ(root: &tokio_postgres::Client) -> i64 {
    let books = "select (select count(*) from ledger_sums l
           full join (select org_id, sku, kind, count(*) n, sum(on_hand_delta) h, sum(reserved_delta) r, sum(held_delta) k,
                             max(occurred_at) t from movements group by 1, 2, 3) m using (org_id, sku, kind)
           where (l.entries, l.on_hand, l.reserved, l.held, l.last_at) is distinct from (m.n, m.h, m.r, m.k, m.t))
         + (select count(*) from location_levels l
            left join (select org_id, sku, location, sum(pieces) n from order_places group by 1, 2, 3) o
              using (org_id, sku, location)
            where l.promised <> coalesce(o.n, 0))
         + (select count(*) from (select org_id, order_id, sku, sum(pieces) n from order_places group by 1, 2, 3) o
            left join (select t.org_id, t.order_id, l->>'sku' as sku, sum((l->>'quantity')::bigint) n
                       from reservations t cross join jsonb_array_elements(t.lines) l
                       where t.state in ('reserved', 'held') group by 1, 2, 3) p using (org_id, order_id, sku)
            where o.n > coalesce(p.n, 0))
         + (select count(*) from stock s
         left join (select org_id, sku, sum(on_hand_delta) h, sum(reserved_delta) r, sum(held_delta) k
                    from movements group by 1, 2) m on m.org_id = s.org_id and m.sku = s.sku
         left join (select t.org_id, l->>'sku' as sku,
                           sum((l->>'quantity')::bigint) filter (where t.state = 'reserved') r,
                           sum((l->>'quantity')::bigint) filter (where t.state = 'held') k
                    from reservations t cross join jsonb_array_elements(t.lines) l group by 1, 2) p
           on p.org_id = s.org_id and p.sku = s.sku
         where (s.on_hand, s.reserved, s.held)
                 is distinct from (coalesce(m.h, 0), coalesce(m.r, 0), coalesce(m.k, 0))
            or (s.reserved, s.held) is distinct from (coalesce(p.r, 0), coalesce(p.k, 0))
            or (not s.may_be_short and s.on_hand < s.reserved + s.held))";
    root.query_one(books, &[]).await.unwrap().get(0)
}

/// The body of a creation; `variants` are `(sku, price in cents, stock)`.
pub(crate) fn product(slug: &str, variants: &[(&str, i64, i64)]) -> Value {
    let variants: Vec<Value> = variants
        .iter()
        .map(|(sku, cents, stock)| json!({"sku": sku, "title": sku, "price": price(*cents), "stock": stock}))
        .collect();
    json!({"slug": slug, "title": format!("Product {slug}"), "variants": variants})
}

pub(crate) fn price(cents: i64) -> Value {
    serde_json::to_value(usd(cents)).unwrap()
}

pub(crate) fn usd(cents: i64) -> Money {
    Money::from_minor(cents, Currency::parse("USD").unwrap()).unwrap()
}
