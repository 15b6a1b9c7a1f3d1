//! One store for all tests of a program: most look at it together, a test that breaks something has it alone.
//! The rule it keeps: whoever comes after such a test finds the store whole.

use std::ops::{Deref, DerefMut};

use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{Store, Wishes};

/// The program's store; it ends with the program.
static STORE: OnceCell<RwLock<Store>> = OnceCell::const_new();

/// The store beside other tests.
pub struct Shared(RwLockReadGuard<'static, Store>);

/// The store for one test only.
pub struct Sole(RwLockWriteGuard<'static, Store>);

/// The store, together with other tests that leave it running.
pub async fn together(wishes: &Wishes) -> Shared {
    Shared(store(wishes).await.read().await)
}

/// The store for a test that kills, stops, or counts everything; nobody else uses it meanwhile.
pub async fn alone(wishes: &Wishes) -> Sole {
    let mut store = store(wishes).await.write().await;
    store.mend().await;
    Sole(store)
}

async fn store(wishes: &Wishes) -> &'static RwLock<Store> {
    STORE.get_or_init(async || RwLock::new(Store::open(wishes).await)).await
}

impl Deref for Shared {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.0
    }
}

impl Deref for Sole {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.0
    }
}

impl DerefMut for Sole {
    fn deref_mut(&mut self) -> &mut Store {
        &mut self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        keep_what_tells_why(&self.0);
    }
}

impl Drop for Sole {
    fn drop(&mut self) {
        keep_what_tells_why(&self.0);
    }
}

fn keep_what_tells_why(store: &Store) {
    if std::thread::panicking() {
        store.keep_logs();
    }
}
