//! Connections that the server closed: the pool notices without asking the server.

use std::time::Duration;

use diesel_async::RunQueryDsl;
use futures::FutureExt;
use persistence::{Database, Error, Tenant, statement};
use testkit::{Scene, eventually};

use crate::MIGRATIONS;

async fn look(database: &Database, scene: &Scene) -> Result<usize, Error> {
    let read = database.begin_read(Tenant::new(scene.organisation())).await?;
    read.run(|mut read| async move { Ok(statement("select 1").execute(read.connection()).await?) }.boxed()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_closed_are_replaced_before_anyone_meets_them() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let database = scene.database();
    for _ in 0..4 {
        look(&database, &scene).await.unwrap();
    }
    let superuser = scene.superuser().await;
    superuser
        .batch_execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'order_app' and datname = current_database()")
        .await
        .unwrap();
    eventually(Duration::from_secs(10), async || {
        let left: i64 = superuser
            .query_one(
                "select count(*) from pg_stat_activity where usename = 'order_app' and datname = current_database()",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        left == 0
    })
    .await;
    // The sockets say so a moment later than the server does.
    eventually(Duration::from_secs(5), async || look(&database, &scene).await.is_ok()).await;
    for _ in 0..10 {
        look(&database, &scene).await.unwrap();
    }
}
