//! The work of several steps around commands and queries: sending what is pending.

mod sender;

pub use sender::{CALL, NoClient, Sender, Telegram, Wake, retry_failed};
