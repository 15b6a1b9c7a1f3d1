//! The service's own copy of the catalog: records twice and in any order, and rebuilt from the topic.

use contracts::{
    Envelope,
    catalog::{ChannelPrice, Listing, ProductState, ProductStatus, VariantState},
    topics,
};
use kernel::{ChannelCode, ProductId, Sku, Slug, VariantId};
use messaging::Outgoing;
use order::{events, processes::rebuild::Rebuilt};
use testkit::{TableHash, eventually, publish, table_hashes};

use crate::world::{PATIENCE, World, usd};

/// A product's states over time: each says what the variants were called and what they cost.
struct History {
    product: ProductId,
    variants: Vec<VariantId>,
}

impl History {
    fn new() -> Self {
        Self { product: ProductId::new(), variants: (0..3).map(|_| VariantId::new()).collect() }
    }

    /// Version `version` with these of its variants, as (number, SKU).
    fn state(&self, version: i64, variants: &[(usize, &str)]) -> ProductState {
        let variant = |(number, sku): &(usize, &str)| {
            let title = format!("variant {number}");
            VariantState::new(self.variants[*number], Sku::parse(sku).unwrap(), title, usd(100 * version))
        };
        let (slug, title) = (Slug::parse("product").unwrap(), format!("version {version}"));
        ProductState {
            variants: variants.iter().map(variant).collect(),
            ..ProductState::new(self.product, slug, title, ProductStatus::Active, version)
        }
    }
}

async fn rebuild(mediator: &mediator::Mediator, kafka: &messaging::Settings) -> Rebuilt {
    events::rebuild_sellable(mediator, kafka).await.unwrap()
}

/// The removal of a product, as catalog writes it.
fn tombstone(world: &World, state: &ProductState, version: i64) -> Outgoing {
    Outgoing { payload: None, ..publish(Some(world.scene.organisation()), version, state) }
}

/// The same with this price in the market, in cents.
fn in_market(state: ProductState, cents: i64) -> ProductState {
    let price = || ChannelPrice { channel: ChannelCode::parse("market").unwrap(), price: usd(cents) };
    let priced = |variant| VariantState { channel_prices: vec![price()], price_elsewhere: Some(usd(1)), ..variant };
    ProductState { variants: state.variants.iter().cloned().map(priced).collect(), ..state }
}

fn shop_only() -> Listing {
    Listing::only([ChannelCode::shop()].into())
}

/// Everything that the records of this test say, in the order of catalog's changes.
fn story(world: &World) -> Vec<Outgoing> {
    let (lasting, moving, taking, removed) = (History::new(), History::new(), History::new(), History::new());
    let state = |state: ProductState| publish(Some(world.scene.organisation()), state.version, &state);
    vec![
        state(in_market(lasting.state(1, &[(0, "MUG"), (1, "CUP"), (2, "JAR")]), 50)),
        state(lasting.state(2, &[(0, "MUG"), (1, "CUP-XL")])),
        state(ProductState { channels: shop_only(), ..in_market(lasting.state(3, &[(0, "MUG"), (2, "JAR")]), 250) }),
        state(in_market(moving.state(1, &[(0, "LAMP"), (1, "BULB")]), 50)),
        state(moving.state(2, &[(1, "BULB")])),
        state(taking.state(1, &[(0, "LAMP")])),
        state(removed.state(1, &[(0, "GONE")])),
        tombstone(world, &removed.state(1, &[]), 2),
    ]
}

/// The records that a later one of the same product replaces.
fn outdated(records: &[Outgoing]) -> Vec<Outgoing> {
    let version = |record: &Outgoing| {
        let pairs = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        Envelope::from_headers(pairs).unwrap().aggregate_version
    };
    let newer =
        |record: &Outgoing| records.iter().any(|other| other.key == record.key && version(other) > version(record));
    records.iter().filter(|record| newer(record)).cloned().collect()
}

const COPY: &str =
    "select string_agg(concat_ws(' ', sku, title, price_minor, other_prices #>> '{channels,market,amount}'), '; '
                                      order by sku, title) from sellable";
const EXPECTED: &str = "BULB version 2 200; JAR version 3 300 2.50; LAMP version 1 100; MUG version 3 300 2.50";

#[tokio::test(flavor = "multi_thread")]
async fn records_twice_and_in_any_order_make_the_same_copy() {
    for shuffle in 0..3_usize {
        let world = World::connected().await;
        let mut records = story(&world);
        match shuffle {
            0 => {}
            1 => records.reverse(),
            _ => records.sort_by_key(|record| record.headers.iter().map(|(_, value)| value.len()).sum::<usize>() % 3),
        }
        let again = records.clone();
        records.extend(again);
        world.scene.send(&records).await;
        eventually(PATIENCE, async || {
            let seen = world.value(COPY).await;
            if seen == EXPECTED { Ok(()) } else { Err(seen) }
        })
        .await;
        settled(&world).await;
        assert_eq!(world.value(COPY).await, EXPECTED, "shuffle {shuffle}");
        // What is outdated comes once more, alone: no newer record in its batch outweighs it.
        world.scene.send(&outdated(&records)).await;
        settled(&world).await;
        assert_eq!(world.value(COPY).await, EXPECTED, "late, after shuffle {shuffle}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_a_corrupted_copy_what_the_topic_says() {
    let world = World::connected().await;
    let kafka = world.scene.messaging();
    world.scene.send(&story(&world)).await;
    eventually(PATIENCE, async || world.value(COPY).await == EXPECTED).await;
    settled(&world).await;
    let live = hashes(&world).await;

    let report = rebuild(world.mediator(), &kafka).await;
    assert_eq!((report.unreadable, report.dropped), (0, 0), "a sound copy loses nothing");
    assert!(report.records >= 8, "{report:?}");
    assert_eq!(hashes(&world).await, live);

    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "update sellable set price_minor = 1, other_prices = null where sku = 'MUG';
             delete from sellable where sku = 'JAR';
             delete from sellable_products where product_id = (select product_id from sellable where sku = 'LAMP');
             update sellable_products set version = 99
                 where product_id = (select product_id from sellable where sku = 'BULB');
             update sellable set title = 'from the future' where sku = 'BULB';
             insert into sellable_products values ('{organisation}', gen_random_uuid(), 1, false, now());
             insert into sellable values ('{organisation}', gen_random_uuid(), gen_random_uuid(), 'ALIEN', 'x', '', 1,
                                          'USD', true, 1);"
        ))
        .await;
    assert_ne!(hashes(&world).await, live);
    let report = rebuild(world.mediator(), &kafka).await;
    assert_eq!(report.dropped, 2, "the one from the future and the one from nowhere");
    assert_eq!(hashes(&world).await, live);
    assert_eq!(world.value(COPY).await, EXPECTED);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_drops_nothing_while_a_record_cannot_be_read() {
    let world = World::connected().await;
    let state = |state: ProductState| publish(Some(world.scene.organisation()), 1, &state);
    let broken = Outgoing { payload: Some(b"{".to_vec()), ..state(History::new().state(1, &[])) };
    world.scene.send(&[state(History::new().state(1, &[(0, "MUG")])), broken]).await;
    eventually(PATIENCE, async || world.value("select count(*) from sellable where sku = 'MUG'").await == "1").await;

    // What the broken record speaks of, for all that anybody knows.
    let organisation = world.scene.organisation().uuid();
    world
        .execute(&format!(
            "insert into sellable_products values ('{organisation}', gen_random_uuid(), 1, false, now())"
        ))
        .await;
    let report = rebuild(world.mediator(), &world.scene.messaging()).await;
    assert_eq!((report.unreadable, report.dropped), (1, 0));
    assert_eq!(world.value("select count(*) from sellable_products").await, "2");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_keeps_a_product_whose_record_is_of_an_unknown_type_and_drops_the_others() {
    let world = World::connected().await;
    let publish = |state: &ProductState| publish(Some(world.scene.organisation()), state.version, state);
    let of_unknown_type = |mut record: Outgoing| {
        record.headers.retain(|(name, _)| name != contracts::header::TYPE);
        record.headers.push((contracts::header::TYPE.to_owned(), b"catalog.product.bundled.v1".to_vec()));
        record
    };
    let (plain, bundled) = (History::new(), History::new());
    world
        .scene
        .send(&[publish(&plain.state(1, &[(0, "MUG")])), of_unknown_type(publish(&bundled.state(2, &[(0, "SET")])))])
        .await;
    eventually(PATIENCE, async || world.value("select count(*) from sellable where sku = 'MUG'").await == "1").await;

    // The bundled product as it was before: compaction has removed the record that this came from.
    let organisation = world.scene.organisation().uuid();
    let (product, variant) = (bundled.product.uuid(), bundled.variants[0].uuid());
    world
        .execute(&format!(
            "insert into sellable_products values ('{organisation}', '{product}', 1, false, now()),
                                                  ('{organisation}', gen_random_uuid(), 1, false, now());
             insert into sellable values ('{organisation}', '{product}', '{variant}', 'SET', 'x', '', 1, 'USD', true, 1);"
        ))
        .await;
    let report = rebuild(world.mediator(), &world.scene.messaging()).await;
    assert_eq!((report.unreadable, report.dropped), (0, 1), "only the product that no record speaks of");
    assert_eq!(report.unknown, 2, "once per reading");
    let skus = world.value("select string_agg(sku, ' ' order by sku) from sellable").await;
    assert_eq!(skus, "MUG SET");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_a_rebuild_runs_is_not_lost_to_it() {
    let world = World::connected().await;
    let kafka = world.scene.messaging();
    world.scene.send(&story(&world)).await;
    eventually(PATIENCE, async || world.value(COPY).await == EXPECTED).await;
    let product = History::new();
    let (mediator, settings) = (world.mediator().clone(), kafka.clone());
    let running = tokio::spawn(async move {
        for _ in 0..3 {
            rebuild(&mediator, &settings).await;
        }
    });
    for version in 1..=20 {
        world.scene.publish(version, &product.state(version, &[(0, "NEW")])).await;
    }
    running.await.unwrap();
    let expected = "2000";
    eventually(PATIENCE, async || {
        let seen = world.value("select price_minor from sellable where sku = 'NEW'").await;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}

/// Waits until the consumer has taken everything: a last record on every partition has come through.
async fn settled(world: &World) {
    let mut last = Vec::new();
    let mut reached = std::collections::BTreeSet::new();
    let partitions = usize::try_from(topics::PRODUCT.partitions).unwrap();
    // A key's partition is the broker's business; so many random keys that every partition gets one.
    for _ in 0..partitions * 12 {
        let product = History::new();
        let state = product.state(1, &[]);
        last.push(publish(Some(world.scene.organisation()), 1, &state));
        reached.insert(product.product.uuid().to_string());
    }
    world.scene.send(&last).await;
    let wanted = reached.len().to_string();
    let ids: Vec<String> = reached.into_iter().map(|id| format!("'{id}'")).collect();
    let count = format!("select count(*) from sellable_products where product_id in ({})", ids.join(","));
    eventually(PATIENCE, async || world.value(&count).await == wanted).await;
}

async fn hashes(world: &World) -> Vec<(String, TableHash)> {
    let tables = table_hashes(&world.scene.superuser().await, order::NAME, &["*.touched_at"]).await;
    tables.into_iter().filter(|(table, _)| table.starts_with("sellable")).collect()
}
