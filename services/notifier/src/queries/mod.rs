//! The questions that the notifier answers: one file each, one SELECT each.

mod count_backlog;
mod list_obstacles;

pub use count_backlog::{Backlog, CountBacklog};
pub use list_obstacles::ListObstacles;
