//! Wakes the senders of this process when deliveries were committed. The senders of other replicas find them by polling.

use std::sync::Arc;

use tokio::sync::Notify;

/// A signal to the sender and the courier. One that comes while nobody waits is kept.
#[derive(Debug, Clone, Default)]
pub struct Wake {
    sender: Arc<Notify>,
    courier: Arc<Notify>,
}

impl Wake {
    /// Says that there may be deliveries to send.
    pub fn signal(&self) {
        self.sender.notify_one();
        self.courier.notify_one();
    }

    /// Waits for the next signal to the sender; returns at once when one came since the last wait.
    pub(super) async fn signalled(&self) {
        self.sender.notified().await;
    }

    /// The same for the courier.
    pub(super) async fn signalled_outside(&self) {
        self.courier.notified().await;
    }
}
