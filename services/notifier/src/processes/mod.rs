//! The work of several steps around commands and queries: sending what is pending, and sending again what had failed.

mod retry;
mod sender;

pub use retry::retry_failed;
pub use sender::{NoClient, Obstacles, Telegram, Wake, sender};
