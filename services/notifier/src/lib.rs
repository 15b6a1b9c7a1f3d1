#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen. The rule: `main` and the tests start this very assembly.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod processes;
mod projections;
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use assembly::{Assembly, Surroundings};
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use service::{Boot, BootError, Definition};

use crate::config::Settings;
use crate::domain::{LinkCodes, Offer};
use crate::processes::{Obstacles, Wake, Ways};

/// The service's name: its schema, its consumer group.
pub const NAME: &str = "notifier";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(
        NAME,
        "Tells the operations team on Telegram, by e-mail and by webhooks what happens",
        config::read,
        start,
    )
    .migrations(MIGRATIONS)
    .openapi(|| http::routes().openapi().clone())
}

/// Everything that the notifier has: its subscriptions, its routes, its sender, its courier, its listener, the forgetting of old orders, and
/// the retry of what had failed.
pub fn assembly(settings: Settings, ways: Ways) -> Assembly {
    let (wake, chat) = (Wake::default(), settings.chat.clone());
    let (retrying, told, listening, heeded) = (wake.clone(), wake.clone(), ways.telegram(), settings.clone());
    let order_keep_days = settings.order_keep_days;
    let codes = LinkCodes::of_bot(settings.token.expose());
    let order_link = settings.voice.order_link.clone();
    let obstacles = Obstacles::default();
    let also = (settings.clone(), ways.clone(), wake.clone(), obstacles.clone());
    let offer = Offer { mail: settings.smtp.is_some(), webhooks: settings.webhooks };
    Assembly::new(NAME)
        .publishes(&[topics::ACTION])
        .subscribes(events::subscriptions(&chat, settings.flood_from, &wake))
        .part(move |kit| {
            let (settings, ways, wake, obstacles) = also;
            processes::courier(kit.mediator.clone(), settings, ways, wake, obstacles)
        })
        .part(move |kit| {
            let (of_telegram, of_mail) = (obstacles.clone(), obstacles.clone());
            kit.tell_when_away("telegram", move || of_telegram.of_telegram());
            kit.tell_when_away("mail", move || of_mail.of_mail());
            processes::sender(kit.mediator.clone(), settings, ways, wake, obstacles)
        })
        .part(move |kit| processes::listener(kit.mediator.clone(), heeded, listening, told))
        .part(move |kit| processes::forgetting(kit.mediator.clone(), order_keep_days))
        .serves(http::routes(), move |_, app| app.with(codes).with(order_link).with(offer))
        .retry("failed-deliveries", move |kit| processes::retry_failed(kit.mediator, chat.clone(), retrying.clone()))
}

async fn start((surroundings, settings): (Surroundings, Settings), boot: Boot) -> Result<(), BootError> {
    // Made before the sender, which is restarted: a client that cannot be made now ends the start.
    let ways = boot.require("ways out", Ways::new(&settings))?;
    assembly(settings, ways).start(surroundings, &boot).await.map(drop)
}
