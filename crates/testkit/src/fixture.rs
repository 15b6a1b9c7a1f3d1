//! A database of its own for each test, cloned from a template that is migrated once.
//!
//! The rule it keeps: what a test made is gone after it, whether it passed, failed or panicked.

use std::time::UNIX_EPOCH;

use devstack::{Cluster, DatabaseRole};
use diesel_migrations::EmbeddedMigrations;
use uuid::Uuid;

use crate::must;

/// The schemas of a test's database, with their migrations. A function, because migrations cannot be cloned.
pub(crate) type Schemas = Vec<(&'static str, EmbeddedMigrations)>;

/// A cloned database; dropped with the value.
pub(crate) struct TestDatabase {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
}

impl TestDatabase {
    pub(crate) async fn create(cluster: &'static Cluster, schemas: Schemas) -> TestDatabase {
        let key = template_key(&schemas);
        let template = cluster
            .template(&key, async |database: &str| {
                for (schema, migrations) in schemas {
                    let url = cluster.role_url(database, schema, DatabaseRole::Owner)?;
                    must(persistence::migrate(&url, schema, migrations).await, "migrate the template");
                }
                Ok::<_, devstack::Error>(())
            })
            .await;
        let template = must(template, "make the template database");
        let name = format!("test_{}", Uuid::new_v4().simple());
        must(cluster.copy_database(&name, &template).await, "clone the template database");
        TestDatabase { cluster, name }
    }

    /// The URL of a service's role.
    pub(crate) fn url(&self, service: &str, role: DatabaseRole) -> String {
        must(self.cluster.role_url(&self.name, service, role), "name the database's URL")
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
fn template_key(schemas: &Schemas) -> String {
    let names: Vec<_> = schemas.iter().map(|(schema, _)| *schema).collect();
    let program = must(std::env::current_exe(), "find the test's program");
    let data = must(std::fs::metadata(&program), "look at the test's program");
    let built = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let text = format!("{} {} {}", program.display(), data.len(), built.as_nanos());
    // FNV-1a: enough to tell builds apart.
    let build = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}_{build:016x}", names.join("_"))
}
