//! A database of its own for each test, cloned from a template that is migrated once.
//!
//! The rule it keeps: what a test made is gone after it, whether it passed, failed or panicked.

use std::hash::{DefaultHasher, Hash, Hasher};

use devstack::{Cluster, DatabaseRole};
use diesel_migrations::EmbeddedMigrations;
use uuid::Uuid;

use crate::must;

/// A cloned database; dropped with the value.
pub(crate) struct TestDatabase {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
}

impl TestDatabase {
    pub(crate) async fn create(
        cluster: &'static Cluster,
        schema: &str,
        migrations: EmbeddedMigrations,
    ) -> TestDatabase {
        let template = cluster
            .template(&template_key(schema), async |database: &str| {
                let url = cluster.role_url(database, schema, DatabaseRole::Owner)?;
                must(persistence::migrate(&url, schema, migrations).await, "migrate the template");
                Ok::<_, devstack::Error>(())
            })
            .await;
        let template = must(template, "make the template database");
        let name = format!("test_{}", Uuid::new_v4().simple());
        must(cluster.copy_database(&name, &template).await, "clone the template database");
        TestDatabase { cluster, name }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (cluster, name) = (self.cluster, self.name.clone());
        on_a_thread_of_its_own(move || async move {
            if let Err(error) = cluster.drop_database(&name).await {
                eprintln!("testkit: the database {name} stays behind: {error}");
            }
        });
    }
}

/// Runs to the end, also in a destructor and on a runtime that is going down.
pub(crate) fn on_a_thread_of_its_own<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(work());
        }
    });
    let _ = thread.join();
}

/// The migrations are compiled into the test's program: another build of it gets another template.
fn template_key(schema: &str) -> String {
    let program = must(std::env::current_exe(), "find the test's program");
    let data = must(std::fs::metadata(&program), "look at the test's program");
    let mut hasher = DefaultHasher::new();
    (program, data.len(), data.modified().ok()).hash(&mut hasher);
    format!("{schema}_{:016x}", hasher.finish())
}
