//! Wakes the sender of this process when deliveries were committed. The senders of other replicas find them by polling.

use std::sync::Arc;

use tokio::sync::Notify;

/// A signal to the sender. A signal that comes while nobody waits is kept.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Says that there may be deliveries to send.
    pub fn signal(&self) {
        self.0.notify_one();
    }

    /// Waits for the next signal; returns at once when one came since the last wait.
    pub(super) async fn signalled(&self) {
        self.0.notified().await;
    }
}
