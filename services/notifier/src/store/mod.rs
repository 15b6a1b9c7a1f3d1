//! The SQL of the notifier that writes, and the reads under a lock that belong to it.
//! The rule: row structs never leave this folder, and locks are taken in one order: the budget of a chat, then that of
//! the bot.

pub mod budgets;
pub mod chat_links;
pub mod deliveries;
pub mod destinations;
pub mod members;
pub mod orders;
pub mod organisations;
pub mod readings;
pub mod stocks;
