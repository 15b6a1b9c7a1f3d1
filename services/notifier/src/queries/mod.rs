//! The questions that the notifier answers: one file each, one SELECT each.

mod count_backlog;

pub use count_backlog::{Backlog, CountBacklog};
