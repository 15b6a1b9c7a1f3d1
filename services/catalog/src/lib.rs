#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen, as [`assembly()`]; the rule: `main` and the tests' worlds start this very assembly.

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

use assembly::{Assembly, Surroundings};
use cache::Cache;
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use service::{Boot, BootError, Definition, Stage};

use crate::config::Settings;
use crate::processes::import::{GRACE, Imports};
use crate::processes::invalidation::StaleProducts;
use crate::processes::{availability, expiry, invalidation, prices};
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

/// Everything that the service consists of.
pub fn assembly(settings: Settings) -> Assembly {
    let shop = ShopCache::new(Cache::new(settings.redis, NAME, settings.cache_lifetime));
    let stale = StaleProducts::default();
    let margin = chrono::Duration::from_std(settings.reservation_margin).unwrap_or(chrono::Duration::MAX);
    let texts = settings.default_locale;
    let (noted, written, cached) = (stale.clone(), stale.clone(), shop.clone());
    let (repriced, turned) = (stale.clone(), stale.clone());
    Assembly::new(NAME)
        .publishes(&[topics::PRODUCT, topics::RESERVATION, topics::STOCK, topics::IMPORT, topics::AVAILABILITY])
        .subscribes(events::subscriptions(margin, noted))
        .part(|_kit| invalidation::part(stale, cached))
        .part(move |kit| availability::part(kit.mediator.clone(), turned))
        .part(move |kit| expiry::part(kit.mediator.clone(), settings.sweep_interval))
        .part(move |kit| prices::part(kit.mediator.clone(), repriced, settings.sweep_interval))
        .serves(http::routes(), move |kit, app| {
            let tasks = kit.tasks(Stage::Requests, "imports");
            let imports = Imports::new(kit.mediator.clone(), written.clone(), texts.clone(), tasks, GRACE);
            app.with(shop).with(imports).with(written).with(texts)
        })
}

async fn start((surroundings, settings): (Surroundings, Settings), boot: Boot) -> Result<(), BootError> {
    assembly(settings).start(surroundings, &boot).await.map(drop)
}
