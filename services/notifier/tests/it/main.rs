//! The notifier against the real servers and a stand-in for Telegram: from event to message.

mod configuration;
mod dead_letters;
mod floods;
mod messages;
mod organisations;
mod refusals;
mod replicas;
mod stage;
mod trace;
mod walls;
