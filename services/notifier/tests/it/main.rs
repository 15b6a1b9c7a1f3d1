//! The notifier against the real servers and a stand-in for Telegram: from event to message.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod configuration;
mod dead_letters;
mod floods;
mod forgetting;
mod messages;
mod organisations;
mod process;
mod refusals;
mod replicas;
mod stage;
mod trace;
mod versions;
mod walls;
