//! A PostgreSQL that is stopped and started: while it is known to be away nobody waits for it, and once it is back
//! somebody notices within half a second.

use std::time::{Duration, Instant};

use devstack::{Cluster, DatabaseRole, Passwords, Place, Postgres, bootstrap};
use diesel_async::RunQueryDsl;
use futures::FutureExt;
use kernel::OrganisationId;
use persistence::{Class, Database, Error, Provenance, Settings, Tenant, migrate, statement};
use testkit::eventually;

use crate::MIGRATIONS;

fn settings(cluster: &Cluster) -> Settings {
    let url = |role| cluster.role_url("postgres", "order", role).unwrap();
    Settings {
        url: url(DatabaseRole::App),
        system_url: url(DatabaseRole::System),
        schema: "order".to_owned(),
        write_connections: 8,
        read_connections: 8,
    }
}

async fn look(database: &Database) -> Result<usize, Error> {
    let read = database.begin_read(Tenant::new(OrganisationId::new())).await?;
    read.run(|mut read| async move { Ok(statement("select 1").execute(read.connection()).await?) }.boxed()).await
}

async fn write(database: &Database) -> Result<(), Error> {
    database.begin(Tenant::new(OrganisationId::new()), Provenance::new("test")).await?.rollback().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_database_that_is_known_to_be_away_and_its_return_is_noticed_within_half_a_second() {
    let mut postgres = Postgres::start(Place::temporary("away").unwrap(), "test").await.unwrap();
    let (redis_url, kafka_brokers) = (String::new(), String::new());
    let cluster = Cluster { database_url: postgres.url("postgres"), redis_url, kafka_brokers };
    bootstrap(&postgres.url("postgres").parse().unwrap(), &Passwords::for_tests()).await.unwrap();
    let owner = cluster.role_url("postgres", "order", DatabaseRole::Owner).unwrap();
    migrate(&owner, "order", MIGRATIONS).await.unwrap();
    let database = Database::open(settings(&cluster));
    look(&database).await.unwrap();
    write(&database).await.unwrap();
    for _ in 0..2 {
        postgres.server.kill().await;
        // The connections of before break, and the first attempts to connect are refused.
        eventually(Duration::from_secs(5), async || matches!(look(&database).await, Err(Error::Away))).await;
        let (mut slowest, mut tried) = (Duration::ZERO, 0);
        for _ in 0..200 {
            let asked = Instant::now();
            let (read, written) = tokio::join!(look(&database), write(&database));
            slowest = slowest.max(asked.elapsed());
            for refused in [read.unwrap_err(), written.unwrap_err()] {
                assert_eq!(refused.class(), Class::Transient);
                tried += usize::from(!matches!(refused, Error::Away));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(slowest < Duration::from_millis(500), "somebody waited for {slowest:?}");
        assert!(tried < 20, "{tried} of 400 callers asked a server that is away");
        assert!(matches!(database.system_session().await, Err(Error::Away | Error::Unavailable(_))));
        assert!(matches!(database.check().await, Err(Error::Away | Error::Unavailable(_))));

        postgres.server.restart().await.unwrap();
        let back = Instant::now();
        eventually(Duration::from_secs(5), async || look(&database).await.is_ok()).await;
        assert!(back.elapsed() < Duration::from_millis(500), "noticed after {:?}", back.elapsed());
        let all: Vec<_> = (0..50).map(|_| async { tokio::join!(look(&database), write(&database)) }).collect();
        for (read, written) in futures::future::join_all(all).await {
            read.unwrap();
            written.unwrap();
        }
    }

    // Stopped without closing a socket: it accepts connections and says nothing.
    postgres.server.pause();
    let fresh = Database::open(Settings { write_connections: 1, ..settings(&cluster) });
    let asked = Instant::now();
    for _ in 0..2 {
        assert!(matches!(write(&fresh).await, Err(Error::Unavailable(_))));
    }
    assert!((9..14).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
    let asked = Instant::now();
    assert!(matches!(write(&fresh).await, Err(Error::Away)));
    assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    postgres.server.resume();
    eventually(Duration::from_secs(5), async || write(&fresh).await.is_ok()).await;
}
