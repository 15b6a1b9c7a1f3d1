//! Servers of one's own can be killed, paused and brought back on the same data.

use std::time::Duration;

use devstack::{Error, Kafka, Place, Postgres, PostgresUrl, Redis};

async fn query(url: &str, statement: &str) -> Result<Option<String>, Error> {
    let client = devstack::connect(&url.parse()?).await?;
    let messages = client.simple_query(statement).await.map_err(Error::database("ask"))?;
    Ok(messages.into_iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
        _ => None,
    }))
}

#[tokio::test]
async fn postgresql_comes_back_on_the_same_port_with_its_data() -> Result<(), Error> {
    let mut postgres = Postgres::start(Place::temporary("postgres")?, "secret").await?;
    let url = postgres.url("postgres");
    query(&url, "create table kept (n int); insert into kept values (7)").await.unwrap();
    postgres.server.kill().await;
    assert!(query(&url, "select 1").await.is_err(), "it was killed");
    postgres.server.restart().await?;
    assert_eq!(query(&url, "select n from kept").await.unwrap().as_deref(), Some("7"));
    let wrong: PostgresUrl = url.parse()?;
    let wrong = wrong.with_role("cyberstore", "wrong").to_string();
    assert!(query(&wrong, "select 1").await.is_err(), "a wrong password is refused");
    Ok(())
}

#[tokio::test]
async fn a_paused_redis_keeps_its_socket_and_says_nothing() -> Result<(), Error> {
    let mut redis = Redis::start(Place::temporary("redis")?).await?;
    redis.server.pause();
    let silent = tokio::time::timeout(Duration::from_millis(300), redis.server.ready()).await;
    assert!(silent.is_err(), "a stopped server cannot answer");
    redis.server.resume();
    redis.server.ready().await
}

#[tokio::test]
async fn kafka_comes_back_after_being_killed() -> Result<(), Error> {
    let mut kafka = Kafka::start(Place::temporary("kafka")?).await?;
    let before = kafka.brokers();
    kafka.server.kill().await;
    assert!(!kafka.server.is_alive());
    kafka.server.restart().await?;
    assert_eq!(kafka.brokers(), before);
    Ok(())
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder() -> Result<(), Error> {
    let redis = Redis::start(Place::temporary("redis")?).await?;
    let log = redis.server.log().to_owned();
    let port: u16 = redis.url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(log.exists() && !devstack::ports::is_free(port));
    drop(redis);
    assert!(!log.exists() && devstack::ports::is_free(port));
    Ok(())
}
