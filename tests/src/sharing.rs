//! One store for all tests of a program: most look at it together, a test that breaks something has it alone.
//! The rule it keeps: whoever comes after such a test finds the store whole, and whoever lets go of it has left no secret in
//! its logs.

use std::ops::{Deref, DerefMut};

use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Store, Wishes};

/// The program's store; it ends with the program.
static STORE: OnceCell<RwLock<Store>> = OnceCell::const_new();

/// The store for as long as a test holds it: beside other tests, or for one test only.
pub struct Held<G: Deref<Target = Store>>(G);

/// The store, together with other tests that leave it running.
pub async fn together(wishes: &Wishes) -> Held<RwLockReadGuard<'static, Store>> {
    Held(store(wishes).await.read().await)
}

/// The store for a test that kills, stops, or counts everything; nobody else uses it meanwhile.
pub async fn alone(wishes: &Wishes) -> Held<RwLockWriteGuard<'static, Store>> {
    let mut store = store(wishes).await.write().await;
    store.mend().await;
    Held(store)
}

async fn store(wishes: &Wishes) -> &'static RwLock<Store> {
    STORE.get_or_init(async || RwLock::new(Store::open(wishes).await)).await
}

impl<G: Deref<Target = Store>> Deref for Held<G> {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.0
    }
}

impl<G: DerefMut<Target = Store>> DerefMut for Held<G> {
    fn deref_mut(&mut self) -> &mut Store {
        &mut self.0
    }
}

impl<G: Deref<Target = Store>> Drop for Held<G> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        } else {
            self.assert_no_secret_written();
        }
    }
}
