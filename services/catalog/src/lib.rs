#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen; the rule: a part is started here and registered to be stopped, or it is not a part.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod processes;
mod projections;
mod published;
pub mod queries;
mod schema;
pub mod shop_cache;
mod store;

use access::Verifier;
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mediator::Mediator;
use messaging::{Consumer, Identities, Producer, Relay};
use service::{Boot, BootError, Definition, LAST_BATCH, LAST_EVENTS, Stage};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::processes::invalidation::StaleProducts;
use crate::processes::{expiry, invalidation};
use crate::shop_cache::ShopCache;

/// The service's name: its schema, its consumer group, the source of its events.
pub const NAME: &str = "catalog";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "Products, variants, prices and stock", config::read, start)
        .migrations(MIGRATIONS)
        .openapi(|| http::routes().openapi().clone())
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka = messaging::Settings {
        brokers: config.kafka.brokers,
        namespace: config.kafka.namespace,
        service: NAME.to_owned(),
    };
    let database = boot.database(config.database).await?;
    let mediator = Mediator::new(database.clone());
    let shop = ShopCache::new(cache::Cache::new(config.redis, NAME, config.cache_lifetime));

    let own = [topics::PRODUCT, topics::RESERVATION, topics::STOCK];
    boot.wait_for("kafka topics", || messaging::ensure_topics(&kafka, &own)).await?;
    let producer = boot.require("kafka producer", Producer::new(&kafka))?;
    let relay = Relay::start(database, producer.clone());
    boot.must_run("relay", relay.ended());
    boot.on_stop(Stage::Publishing, "relay", move || relay.stop(LAST_EVENTS));

    let stale = StaleProducts::default();
    part(&boot, Stage::Closing, "cache", |stop| invalidation::run(stale.clone(), shop.clone(), stop));
    let margin = chrono::Duration::from_std(config.reservation_margin).unwrap_or(chrono::Duration::MAX);
    let consumer = boot
        .wait_for("kafka consumer", || {
            let subscriptions = events::subscriptions(margin, stale.clone());
            Consumer::start(kafka.clone(), mediator.clone(), producer.clone(), subscriptions)
        })
        .await?;
    boot.must_run("consumer", consumer.ended());
    boot.on_stop(Stage::Consuming, "consumer", move || consumer.stop(LAST_BATCH));
    part(&boot, Stage::Consuming, "sweep of reservations", |stop| {
        expiry::run(mediator.clone(), config.sweep_interval, stop)
    });

    let identities = boot.wait_for("keys and organisations", || Identities::start(&kafka)).await?;
    boot.ready_when("keys and organisations", identities.readiness());
    let verifier = Verifier::new(identities.keys(), &config.tokens.issuer, &config.tokens.audience);

    let app = rest::App::new(NAME, mediator, verifier, identities.organisations()).with(shop);
    boot.on_stop(Stage::Closing, "keys and organisations", move || identities.stop());
    let listening = rest::server::Settings::new(config.http.address).workers(config.http.workers);
    let server = boot.require("http server", rest::server::start(listening, app, http::routes()))?;
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}

fn part<F: Future<Output = ()> + Send + 'static>(
    boot: &Boot,
    stage: Stage,
    name: &'static str,
    work: impl FnOnce(CancellationToken) -> F,
) {
    let stop = CancellationToken::new();
    let task = tokio::spawn(work(stop.clone()));
    boot.on_stop(stage, name, move || async move {
        stop.cancel();
        if let Err(error) = task.await {
            tracing::error!(%error, "the part {name} ended abnormally");
        }
    });
}
