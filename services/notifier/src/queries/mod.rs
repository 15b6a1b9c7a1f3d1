//! The questions that the notifier answers: one file each, or one noun's where they are short.

mod count_backlog;
mod destinations;
mod list_deliveries;
mod list_obstacles;
mod list_targets;

pub use count_backlog::{Backlog, CountBacklog};
pub use destinations::{FindDestination, ListDestinations};
pub use list_deliveries::{DeliveryView, ListDeliveries};
pub use list_obstacles::ListObstacles;
pub use list_targets::ListTargets;
