//! The cluster that all test processes share: databases from templates, roles that see their own schema only.

use std::sync::atomic::{AtomicU32, Ordering};

use devstack::process::Identity;
use devstack::services::schemas;
use devstack::{DatabaseRole, Error, shared_cluster};
use tokio_postgres::Client;

fn unique(name: &str) -> String {
    format!("{name}_{}", Identity::own().unwrap().to_string().replace('-', "_"))
}

async fn connect(url: &str) -> Client {
    devstack::connect(&url.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_template_is_built_once_however_many_ask() -> Result<(), Error> {
    let cluster = shared_cluster().await?;
    let key = unique("once");
    let built = AtomicU32::new(0);
    let build = async |database: &str| {
        built.fetch_add(1, Ordering::Relaxed);
        let owner = connect(&cluster.role_url(database, "order", DatabaseRole::Owner)?).await;
        owner
            .batch_execute("create table \"order\".marks (n int); insert into \"order\".marks values (3)")
            .await
            .unwrap();
        Ok::<(), Error>(())
    };
    let (one, two) = tokio::try_join!(cluster.template(&key, build), cluster.template(&key, build))?;
    assert_eq!(one, two);
    assert_eq!(built.load(Ordering::Relaxed), 1);

    let copy = unique("copy");
    cluster.copy_database(&copy, &one).await?;
    let owner = connect(&cluster.role_url(&copy, "order", DatabaseRole::Owner)?).await;
    let row = owner.query_one("select n from \"order\".marks", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 3);
    cluster.drop_database(&copy).await?;
    cluster.drop_database(&one).await
}

#[tokio::test]
async fn no_role_reads_or_writes_outside_its_schema() -> Result<(), Error> {
    let cluster = shared_cluster().await?;
    let database = unique("foreign");
    cluster.create_database(&database).await?;
    for service in schemas() {
        let owner = connect(&cluster.role_url(&database, service, DatabaseRole::Owner)?).await;
        owner.batch_execute(&format!("create table \"{service}\".things (n int)")).await.unwrap();
    }
    for service in schemas() {
        for role in DatabaseRole::ALL {
            let client = connect(&cluster.role_url(&database, service, role)?).await;
            for other in schemas().into_iter().filter(|other| *other != service) {
                assert!(
                    client.query(&format!("select n from \"{other}\".things"), &[]).await.is_err(),
                    "{service}_{role} reads {other}"
                );
            }
            assert!(
                client.batch_execute("create table public.mine (n int)").await.is_err(),
                "{service}_{role} writes to public"
            );
            assert!(
                client.batch_execute("create temporary table mine (n int)").await.is_err(),
                "{service}_{role} makes temporary tables"
            );
            if role != DatabaseRole::Owner {
                assert!(
                    client.query(&format!("select n from \"{service}\".things"), &[]).await.is_err(),
                    "{service}_{role} reads without a grant"
                );
                assert!(
                    client.batch_execute(&format!("create table \"{service}\".mine (n int)")).await.is_err(),
                    "{service}_{role} makes tables"
                );
            }
        }
    }
    cluster.drop_database(&database).await
}
