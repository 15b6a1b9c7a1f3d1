//! The use cases of the notifier that write: one file each, one transaction each.

mod apply_organisations;
mod claim_deliveries;
mod delete_sent;
mod manage_destinations;
mod read_updates;
mod record_deliveries;
mod record_heartbeats;
mod register_chat;
mod retry_failed;
mod settle_message;

pub use apply_organisations::ApplyOrganisations;
pub use claim_deliveries::{ClaimDeliveries, Claimed, Next};
pub use delete_sent::DeleteSent;
pub use manage_destinations::{ChangeDestination, CreateDestination, DeleteDestination, ResendFailed, TestDestination};
pub use read_updates::{ClaimReading, HandleUpdate, NoteToken, ReleaseReading, RestartReading};
pub use record_deliveries::RecordDeliveries;
pub use record_heartbeats::RecordHeartbeats;
pub use register_chat::RegisterChat;
pub use retry_failed::RetryFailed;
pub use settle_message::SettleMessage;
