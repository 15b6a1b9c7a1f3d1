//! Removes stale products from the cache, in the background. The rule: the cache is never asked inside a transaction,
//! and a burst of changes asks it once for each product and once for each organisation's pages. What Redis cannot be told
//! now is told when it answers again, since it may come back with what it held before.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{OrganisationId, ProductId};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::http::ShopCache;

/// How long Redis is left alone when it did not take what is to be forgotten.
const PAUSE: Duration = Duration::from_millis(200);

/// Where products are noted that the cache is to forget.
#[derive(Debug, Clone, Default)]
pub struct Forgetting {
    noted: Arc<Mutex<BTreeSet<(OrganisationId, ProductId)>>>,
    wake: Arc<Notify>,
}

impl Forgetting {
    /// Notes products; never waits.
    pub fn note(&self, products: &[(OrganisationId, ProductId)]) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).extend(products);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<(OrganisationId, ProductId)> {
        std::mem::take(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task that forgets.
#[derive(Debug)]
pub struct Forgetter {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Forgetter {
    /// Starts it.
    #[must_use]
    pub fn start(forgetting: Forgetting, cache: ShopCache) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let products = forgetting.take();
                if !products.is_empty() {
                    let left: Vec<_> = cache.forget(&products).await.into_iter().collect();
                    if left.is_empty() {
                        continue;
                    }
                    forgetting.note(&left);
                    tokio::select! {
                        () = tokio::time::sleep(PAUSE) => continue,
                        // Whatever is left then lives out its lifetime in Redis.
                        _ = stopped.wait_for(|stop| *stop) => break,
                    }
                }
                tokio::select! {
                    () = forgetting.wake.notified() => {}
                    _ = stopped.wait_for(|stop| *stop) => break,
                }
            }
        });
        Self { stop, task }
    }

    /// Forgets what is noted and stops.
    pub async fn stop(self) {
        // Nobody listens any more when the task ended by itself.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task that forgets cached products ended abnormally");
        }
    }
}
