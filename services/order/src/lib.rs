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
pub mod published;
pub mod queries;
pub mod schema;
pub mod store;

use access::Verifier;
use contracts::topics;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use mediator::Mediator;
use messaging::{Consumer, Identities, Producer, Relay};
use serde_json::Value;
use service::{Boot, BootError, Definition, LAST_BATCH, LAST_EVENTS, Stage};

use crate::{
    config::Config,
    events::consumed,
    http::Shop,
    processes::{WaitingRoom, deadline_sweep::Sweep, rebuild},
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

async fn start(config: Config, boot: Boot) -> Result<(), BootError> {
    let kafka = messaging::Settings {
        brokers: config.kafka.brokers,
        namespace: config.kafka.namespace,
        service: NAME.to_owned(),
    };
    let database = boot.database(config.database).await?;
    let mediator = Mediator::new(database.clone());
    let waiting_room = WaitingRoom::default();

    boot.wait_for("kafka topics", || messaging::ensure_topics(&kafka, &[topics::ORDER])).await?;
    let producer = boot.require("kafka producer", Producer::new(&kafka))?;
    let relay = Relay::start(database, producer.clone());
    boot.must_run("relay", relay.ended());
    boot.on_stop(Stage::Publishing, "relay", move || relay.stop(LAST_EVENTS));

    let consumer = boot
        .wait_for("kafka consumer", || {
            Consumer::start(kafka.clone(), mediator.clone(), producer.clone(), events::subscriptions())
        })
        .await?;
    boot.must_run("consumer", consumer.ended());
    boot.on_stop(Stage::Consuming, "consumer", move || consumer.stop(LAST_BATCH));
    let sweep = Sweep::start(mediator.clone(), config.sweep_interval);
    boot.on_stop(Stage::Consuming, "deadline sweep", move || sweep.stop());
    let (rebuilding, topic) = (mediator.clone(), kafka.clone());
    boot.rebuild(rebuild::SELLABLE, move || {
        let (mediator, kafka) = (rebuilding.clone(), topic.clone());
        async move {
            {
                let command = |snapshots| consumed::apply_products(snapshots, true);
                rebuild::sellable(&mediator, &kafka, command).await.map(Value::from)
            }
        }
    });

    let identities = boot.wait_for("keys and organisations", || Identities::start(&kafka)).await?;
    boot.ready_when("keys and organisations", identities.readiness());
    let verifier = Verifier::new(identities.keys(), &config.tokens.issuer, &config.tokens.audience);

    let shop = Shop { waiting_room, deadline_seconds: config.deadline_seconds };
    let app = rest::App::new(NAME, mediator, verifier, identities.organisations()).with(shop);
    boot.on_stop(Stage::Closing, "keys and organisations", move || identities.stop());
    let listening = rest::server::Settings::new(config.http.address).workers(config.http.workers);
    let server = boot.require("http server", rest::server::start(listening, app, http::routes()))?;
    boot.on_stop(Stage::Requests, "http server", move || server.stop());
    Ok(())
}
