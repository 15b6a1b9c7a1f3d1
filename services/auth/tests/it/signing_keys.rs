//! Signing keys: shared by replicas, published, changed.

use std::{sync::Arc, time::Duration};

use access::KeyRing;
use auth::{domain::Schedule, processes::keeper::Keeper};
use contracts::{Channel, auth::SigningKeyState, topics};
use serde_json::Value;
use testkit::{Scene, eventually};
use tokio::sync::Barrier;

use crate::world::{CALM, PASSWORD, PATIENCE, World, credentials, login};

/// The key of a token, as its header says.
async fn key_of(world: &World) -> (String, String) {
    let (status, session) =
        world.visitor().post("/auth/v1/login", &login("lamps", "ana@lamps.example", PASSWORD)).await;
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap().to_owned();
    let header = token.split('.').next().unwrap();
    let header = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&Value::from("at+jwt"), &Value::from("EdDSA")));
    (header["kid"].as_str().unwrap().to_owned(), token)
}

/// The id of a key in the database and on the topic: the first half of its thumbprint.
fn stored_under(thumbprint: &str) -> String {
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, thumbprint).unwrap();
    uuid::Builder::from_custom_bytes(bytes[..16].try_into().unwrap()).into_uuid().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keepers_that_start_at_once_make_one_key() {
    const KEEPERS: usize = 6;
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let together = Arc::new(Barrier::new(KEEPERS));
    let mut starting = Vec::new();
    for _ in 0..KEEPERS {
        let (mediator, credentials, together) = (scene.mediator(), credentials(), Arc::clone(&together));
        // With the connections open already, they really meet.
        mediator.database().check().await.unwrap();
        starting.push(tokio::spawn(async move {
            together.wait().await;
            Keeper { credentials, ring: KeyRing::new(), schedule: CALM }.round(&mediator).await.unwrap();
        }));
    }
    for keeper in starting {
        keeper.await.unwrap();
    }
    let root = scene.superuser().await;
    let keys: i64 = root.query_one("select count(*) from signing_keys", &[]).await.unwrap().get(0);
    assert_eq!(keys, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_one_key_and_accept_each_others_tokens() {
    let world = World::of_two().await;
    world.create("lamps").await;
    let keys = world.published().await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    let (kid, token) = key_of(&world).await;
    assert_eq!(keys[0]["kid"], kid.as_str());
    for replica in 0..2 {
        assert_eq!(world.bearer(replica, Some(&token)).get("/auth/v1/me").await.0, 200);
    }

    assert!(world.verifier().await.verify(&token).is_ok(), "the published keys are all that a verifier needs");

    let root = world.scene.superuser().await;
    let sealed: Vec<u8> = root.query_one("select sealed_private_key from signing_keys", &[]).await.unwrap().get(0);
    let pkcs8 = [0x30, 0x2e, 0x02, 0x01];
    assert!(!sealed.windows(pkcs8.len()).any(|window| window == pkcs8), "the private key lies open");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_keys_are_answered_without_the_database() {
    let world = World::quiet().await;
    let keys = world.published().await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    // The rounds fail from now on.
    world.scene.superuser().await.batch_execute("drop table signing_keys").await.unwrap();
    assert_eq!(world.published().await, keys);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_publishes_the_key_that_another_one_made_from_its_next_round_on() {
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let mediator = scene.mediator();
    let keeper = |schedule| Keeper { credentials: credentials(), ring: KeyRing::new(), schedule };
    let overdue = Schedule { signs_for: Duration::ZERO, ..CALM };
    let (calm, hasty) = (keeper(CALM), keeper(overdue));
    let published = |keeper: &Keeper| keeper.credentials.issuer.public_keys();
    calm.round(&mediator).await.unwrap();
    // The broker has the first one, so the next may follow.
    scene.superuser().await.execute("delete from outbox", &[]).await.unwrap();
    hasty.round(&mediator).await.unwrap();
    let both = published(&hasty);
    assert_eq!((both.len(), published(&calm)), (2, both[..1].to_vec()), "the key that signs comes first");
    calm.round(&mediator).await.unwrap();
    assert_eq!(published(&calm), both);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_announced_then_signs_and_the_former_is_removed_after_its_tokens() {
    let schedule = Schedule {
        signs_for: Duration::from_secs(2),
        known_before: Duration::from_secs(5),
        valid_after: Duration::from_secs(60),
    };
    let world = World::connected(schedule).await;
    world.create("lamps").await;
    let (first, token) = key_of(&world).await;

    // Announced: two keys are published while the first still signs.
    let kids = eventually(PATIENCE, async || {
        let keys = world.published().await;
        if keys.len() >= 2 { Ok(keys.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()) } else { Err(keys) }
    })
    .await;
    assert_eq!(kids[0], first.as_str());
    assert_eq!(key_of(&world).await.0, first, "the new key does not sign before verifiers know it");

    // Taken over, then the first one disappears and its tokens with it.
    eventually(PATIENCE, async || (key_of(&world).await.0 == kids[1]).then_some(())).await;
    let accepted = async || world.bearer(0, Some(&token)).get("/auth/v1/me").await.0 == 200;
    assert!(accepted().await, "the former key's tokens stay valid");
    let long_ago =
        "update signing_keys set signs_from = now() - interval '3 minutes', retired_at = now() - interval '2 minutes'
                     where signs_from = (select min(signs_from) from signing_keys)";
    world.scene.superuser().await.batch_execute(long_ago).await.unwrap();
    eventually(PATIENCE, async || world.published().await.iter().all(|key| key["kid"] != first.as_str())).await;
    eventually(PATIENCE, async || !accepted().await).await;

    // What verifiers elsewhere saw: announced, retired, tombstone.
    let history = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::SIGNING_KEY.name).await;
        let of_first = records.into_iter().filter(|record| record.key_text() == stored_under(&first));
        let history: Vec<_> = of_first.collect();
        if history.len() >= 3 { Ok(history) } else { Err(history.len()) }
    })
    .await;
    let states: Vec<_> = history
        .iter()
        .map(|record| {
            let event_type = record.header("ce_type").unwrap();
            record.payload.as_deref().map(|payload| SigningKeyState::decode(event_type, payload).unwrap())
        })
        .collect();
    assert_eq!(states[0].as_ref().map(|state| state.retired_at.is_some()), Some(false));
    assert_eq!(states[1].as_ref().map(|state| state.retired_at.is_some()), Some(true));
    assert!(states[2].is_none(), "{states:?}");
    let versions: Vec<_> = history.iter().map(|record| record.header("ce_aggregateversion").unwrap()).collect();
    assert_eq!(versions, ["1", "2", "3"]);
    assert!(
        history.iter().all(|record| record.header("ce_organisation").is_none()),
        "a key belongs to no organisation"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_verifiers_cannot_know_does_not_sign() {
    let schedule = Schedule {
        signs_for: Duration::from_secs(1),
        known_before: Duration::from_secs(1),
        valid_after: Duration::from_secs(1),
    };
    // Without a relay: the broker is away.
    let world = World::quiet_with(schedule).await;
    world.create("lamps").await;
    let (first, _) = key_of(&world).await;
    let root = world.scene.superuser().await;
    // The broker has the first key, and goes away.
    root.execute("delete from outbox", &[]).await.unwrap();
    let due = async || -> Vec<String> {
        let long =
            "select key_id::text from signing_keys where signs_from < now() - interval '2 seconds' order by signs_from";
        root.query(long, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let due = eventually(PATIENCE, async || Some(due().await).filter(|due| due.len() >= 2)).await;
    assert_eq!(due[0], stored_under(&first), "a key that may have to sign is not removed");
    assert_eq!(key_of(&world).await.0, first, "the second is due for two seconds and nobody was told of it");

    // The broker is back and has all of it.
    root.execute("delete from outbox", &[]).await.unwrap();
    eventually(PATIENCE, async || (key_of(&world).await.0 != first).then_some(())).await;
    world.stop().await;
}
