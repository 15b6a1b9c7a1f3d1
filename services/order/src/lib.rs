#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen. The rule: `main` and the tests start the same assembly.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod processes;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use assembly::{Assembly, Surroundings};
use contracts::{order::OrderEvent, topics};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use serde_json::Value;
use service::{Boot, BootError, Definition};

use crate::{
    config::Settings,
    domain::{Manual, Payments},
    http::Shop,
    processes::{Followers, WaitingRoom, deadline_sweep, intake_sweep, rebuild, unpaid_sweep},
};

/// The service's name: its schema, its consumer group, the source of its events.
pub const NAME: &str = "order";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "Orders: placed by shoppers, confirmed or rejected by what is in stock", config::read, start)
        .migrations(MIGRATIONS)
        .openapi(|| http::routes().openapi().clone())
}

/// The service as it is put together, wherever it runs: people move the money and write it down.
pub fn assembly(settings: Settings) -> Assembly {
    assembly_with(settings, Payments::by(Manual))
}

/// As [`assembly()`], with another provider of payments.
pub fn assembly_with(settings: Settings, payments: Payments) -> Assembly {
    let Settings { deadline, unpaid_hold, limits, sweep_interval, polling, following } = settings;
    let waiting_room = WaitingRoom::new(polling);
    let followers = Followers::new(following);
    let (waking, telling) = (waiting_room.clone(), followers.clone());
    Assembly::new(NAME)
        .publishes(&[topics::ORDER, topics::INTAKE, topics::OUTCOME])
        .observes::<OrderEvent>(move |committed| {
            waking.notice(committed);
            telling.notice(committed);
        })
        .subscribes_by(events::subscriptions)
        .part(move |kit| deadline_sweep::part(kit.mediator.clone(), sweep_interval, deadline))
        .part(|kit| intake_sweep::part(kit.mediator.clone()))
        .part(move |kit| unpaid_sweep::part(kit.mediator.clone(), unpaid_hold))
        .rebuild(rebuild::SELLABLE, |kit| async move {
            events::rebuild_sellable(&kit.mediator, &kit.kafka).await.map(Value::from)
        })
        .rebuild(rebuild::MEMBERS, |kit| async move {
            events::rebuild_members(&kit.mediator, &kit.kafka).await.map(Value::from)
        })
        .serves(http::routes(), move |_kit, app| {
            app.with(Shop { waiting_room, deadline_seconds: deadline.seconds, limits }).with(followers).with(payments)
        })
}

async fn start((surroundings, settings): (Surroundings, Settings), boot: Boot) -> Result<(), BootError> {
    assembly(settings).start(surroundings, &boot).await.map(drop)
}
