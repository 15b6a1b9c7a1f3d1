//! The work of several steps around commands and queries: sending what is pending, sending again what had failed, listening
//! to what the bot is sent, and forgetting old orders.

mod forgetting;
mod listener;
mod retry;
mod sender;

pub use forgetting::forgetting;
pub use listener::listener;
pub use retry::retry_failed;
pub use sender::{NoClient, Obstacles, Telegram, Wake, Ways, courier, sender};
