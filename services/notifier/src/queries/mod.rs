//! The questions that the notifier answers: one file each, or one noun's where they are short.

mod answer_question;
mod count_backlog;
mod destinations;
mod find_pressable;
mod list_chat_links;
mod list_deliveries;
mod list_obstacles;
mod list_targets;

pub use answer_question::AnswerQuestion;
pub use count_backlog::{Backlog, CountBacklog};
pub use destinations::{FindDestination, ListDestinations};
pub use find_pressable::FindPressable;
pub use list_chat_links::ListChatLinks;
pub use list_deliveries::{DeliveryView, ListDeliveries};
pub use list_obstacles::ListObstacles;
pub use list_targets::ListTargets;
