//! The use cases of the notifier that write: one file each, one transaction each.

mod apply_members;
mod apply_organisations;
mod apply_stocks;
mod claim_deliveries;
mod delete_sent;
mod follow_orders;
mod forget_orders;
mod manage_chat_links;
mod manage_destinations;
mod read_updates;
mod record_deliveries;
mod record_heartbeats;
mod register_chat;
mod retry_failed;
mod settle_message;
mod tell_outcomes;

pub use apply_members::ApplyMembers;
pub use apply_organisations::ApplyOrganisations;
pub use apply_stocks::ApplyStocks;
pub use claim_deliveries::{ClaimDeliveries, Claimed, Next};
pub use delete_sent::DeleteSent;
pub use follow_orders::FollowOrders;
pub use forget_orders::ForgetOrders;
pub use manage_chat_links::{CreateChatLink, DeleteChatLink};
pub use manage_destinations::{ChangeDestination, CreateDestination, DeleteDestination, ResendFailed, TestDestination};
pub use read_updates::{ClaimReading, HandleUpdate, NoteToken, ReleaseReading, RestartReading, TakeAnswer};
pub use record_deliveries::RecordDeliveries;
pub use record_heartbeats::RecordHeartbeats;
pub use register_chat::RegisterChat;
pub use retry_failed::RetryFailed;
pub use settle_message::SettleMessage;
pub use tell_outcomes::TellOutcomes;
