#![doc = include_str!("../README.md")]
//!
//! The whole wiring on one screen. The rule: a part is started here and registered to be stopped, or it is not a part.

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod processes;
pub mod schema;
pub mod store;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mediator::Mediator;
use messaging::{Consumer, Producer};
use serde_json::json;
use service::{Boot, BootError, Definition, LAST_BATCH, Stage};

use crate::config::Config;
use crate::processes::{CALL, Sender, Telegram, Wake, retry_failed};

/// The service's name: its schema, its consumer group.
pub const NAME: &str = "notifier";
/// The schema's migrations; those of the messages run before them.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The service as the boot kit runs it.
#[must_use]
pub fn definition() -> Definition {
    Definition::new(NAME, "Tells the operations team on Telegram what happens", config::read, start)
        .migrations(MIGRATIONS)
}

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka = messaging::Settings {
        brokers: config.kafka.brokers,
        namespace: config.kafka.namespace,
        service: NAME.to_owned(),
    };
    let mediator = Mediator::new(boot.database(config.database).await?);
    let settings = config.settings;
    let telegram = boot.require("telegram", Telegram::new(&settings.bot_api, settings.token.expose(), CALL))?;
    let wake = Wake::default();

    let producer = boot.require("kafka producer", Producer::new(&kafka))?;
    let consumer = boot
        .wait_for("kafka consumer", || {
            let subscriptions = events::subscriptions(&settings.chat, &wake);
            Consumer::start(kafka.clone(), mediator.clone(), producer.clone(), subscriptions)
        })
        .await?;
    boot.must_run("consumer", consumer.ended());
    boot.on_stop(Stage::Consuming, "consumer", move || consumer.stop(LAST_BATCH));

    let chat = settings.chat.clone();
    let sender = Sender::start(mediator.clone(), telegram, wake.clone(), settings);
    boot.on_stop(Stage::Publishing, "sender", move || sender.stop());
    boot.rebuild("failed-deliveries", move || {
        let (mediator, chat, wake) = (mediator.clone(), chat.clone(), wake.clone());
        async move { retry_failed(&mediator, &chat, &wake).await.map(|rows| json!({ "rows": rows })) }
    });
    Ok(())
}
