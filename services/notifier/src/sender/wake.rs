//! Wakes the sender of this process after a commit that may have left deliveries.

use std::sync::Arc;

use tokio::sync::Notify;

/// A bell: rung by the consumer, heard by the sender.
#[derive(Debug, Clone, Default)]
pub struct Wake {
    notify: Arc<Notify>,
}

impl Wake {
    /// There may be something to tell.
    pub fn ring(&self) {
        self.notify.notify_one();
    }

    /// Waits for the next ring, or returns at once when one came since the last wait.
    pub(super) async fn rung(&self) {
        self.notify.notified().await;
    }
}
