//! The notifier against the real servers and a stand-in for Telegram: from event to message.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod buttons;
mod claiming;
mod configuration;
mod copies;
mod dead_letters;
mod deaths;
mod deleting;
mod destinations;
mod documents;
mod email;
mod floods;
mod following;
mod heartbeats;
mod hours;
mod linking;
mod mail_server;
mod messages;
mod observation;
mod organisations;
mod people;
mod permissions;
mod process;
mod receiver;
mod refusals;
mod replicas;
mod settling;
mod stage;
mod storm;
mod supervision;
mod templates;
mod trace;
mod versions;
mod voices;
mod walls;
mod webhooks;
