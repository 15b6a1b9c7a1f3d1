//! Logging in, and being refused.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::problem_fields;

use crate::world::{PASSWORD, World, login};

const PATH: &str = "/auth/v1/login";
const WRONG: &str = "incorrect horse battery staple";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_says_who_logged_in() {
    let world = World::quiet().await;
    let created = world.create("lamps").await;
    let (status, session) = world.visitor().post(PATH, &login("lamps", " ANA@lamps.example ", PASSWORD)).await;
    assert_eq!(status, 200, "{session}");
    let token = session["access_token"].as_str().unwrap();

    let me = world.bearer(0, Some(token));
    let (status, body) = me.get("/auth/v1/me").await;
    assert_eq!((status, &body), (200, &created));

    let verified = world.verifier().await.verify(token).unwrap();
    assert_eq!(json!(verified.caller().organisation()), created["organisation"]["id"]);
    assert_eq!(json!(verified.caller().actor()), created["user"]["id"]);

    assert_eq!(world.visitor().get("/auth/v1/me").await.0, 401);
    let forged = format!("{}x", &token[..token.len() - 1]);
    assert_eq!(world.bearer(0, Some(&forged)).get("/auth/v1/me").await.0, 401);
    let root = world.scene.superuser().await;
    root.batch_execute("update people set active = false").await.unwrap();
    assert_eq!(me.get("/auth/v1/me").await.0, 401, "the account is gone, the token is not");
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 401);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_looks_the_same() {
    let world = World::quiet().await;
    world.create("lamps").await;
    world.create("chairs").await;
    let mut seen = Vec::new();
    for (organisation, email, password) in [
        ("lamps", "ana@lamps.example", WRONG),
        ("lamps", "bob@lamps.example", PASSWORD),
        ("chairs", "ana@lamps.example", PASSWORD),
        ("nobody", "ana@lamps.example", PASSWORD),
    ] {
        let reply = world.visitor().post_reply(PATH, &login(organisation, email, password)).await;
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        let mut body = reply.json();
        for name in ["request_id", "trace_id"] {
            body.as_object_mut().unwrap().remove(name);
        }
        seen.push((reply.status, body));
    }
    assert_eq!(seen[0].0, 401, "{seen:?}");
    assert_eq!(seen[0].1["type"], "/problems/login-refused");
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");

    let (status, problem) = world.visitor().post(PATH, &login("No Slug", "nobody", "")).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["email", "organisation", "password"]), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_does_not_exist_takes_as_long_as_one_that_does() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let time = async |email: String| {
        let started = Instant::now();
        assert_eq!(world.visitor().post(PATH, &login("lamps", &email, WRONG)).await.0, 401);
        started.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // Alternating, so that what else the machine does falls on both; within the free guesses.
    for round in 0..9 {
        known.push(time("ana@lamps.example".to_owned()).await);
        unknown.push(time(format!("bob{round}@lamps.example")).await);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    // Without the dummy hash, an unknown account takes a tenth of the time.
    assert!(unknown * 2 > known && known * 2 > unknown, "known {known:?}, unknown {unknown:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_gets_slow_for_known_and_unknown_accounts_alike() {
    let world = World::quiet().await;
    world.create("lamps").await;
    for email in ["ana@lamps.example", "bob@lamps.example"] {
        // All at once: a guess counts before it is checked.
        let guesses = (0..30).map(|_| {
            let visitor = world.visitor();
            let body = login("lamps", email, WRONG);
            tokio::spawn(async move { visitor.post_reply(PATH, &body).await })
        });
        let mut refused = 0;
        for guess in guesses.collect::<Vec<_>>() {
            let reply = guess.await.unwrap();
            match reply.status {
                // On a busy machine some do not get their turn to be checked; they count all the same.
                401 | 503 => refused += 1,
                429 => {
                    assert_eq!(reply.json()["type"], "/problems/login-locked");
                    let pause: u64 = reply.header("retry-after").unwrap().parse().unwrap();
                    assert!((1..=900).contains(&pause), "{pause}");
                }
                other => panic!("{other}: {}", reply.text()),
            }
        }
        // Ten are free; each further one waits 1 s, 2 s, …, and the thirty take a few seconds at most.
        assert!((10..=15).contains(&refused), "{email}: {refused} guesses were checked");
    }
    let root = world.scene.superuser().await;
    let wide = "update login_attempts set failures = 20, locked_until = now() + interval '10 minutes'";
    root.batch_execute(wide).await.unwrap();
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 429, "not even the right password during the pause");
    root.batch_execute("update login_attempts set locked_until = now()").await.unwrap();
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 200, "the right one after it");
    let forgiven: i64 =
        root.query_one("select count(*) from login_attempts where failures = 0", &[]).await.unwrap().get(0);
    assert_eq!(forgiven, 1, "a right password forgives the guesses of its client, and no others");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_guesses_are_cleared_away() {
    let world = World::quiet().await;
    world.create("lamps").await;
    for number in 0..3 {
        let body = login("lamps", &format!("bob{number}@lamps.example"), WRONG);
        assert_eq!(world.visitor().post(PATH, &body).await.0, 401);
    }
    let root = world.scene.superuser().await;
    root.batch_execute("update login_attempts set tried_at = now() - interval '2 days'").await.unwrap();
    assert_eq!(world.log_in("lamps", WRONG).await.0, 401);
    let left: i64 = root.query_one("select count(*) from login_attempts", &[]).await.unwrap().get(0);
    assert_eq!(left, 3, "those of the last attempt");
    world.stop().await;
}

/// A stranger at this address.
fn stranger(world: &World, address: &str) -> testkit::Client {
    world.visitor().with("x-forwarded-for", address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_guess_keep_out_neither_the_owner_elsewhere_nor_a_client_that_logged_in_before() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let email = "ana@lamps.example";
    let (_, before) = stranger(&world, "198.51.100.1").post(PATH, &login("lamps", email, PASSWORD)).await;
    let root = world.scene.superuser().await;
    // As if one stranger had guessed a hundred times.
    let (status, _) = stranger(&world, "203.0.113.9").post(PATH, &login("lamps", email, WRONG)).await;
    assert_eq!(status, 401);
    let marked = "update login_attempts set failures = 100, locked_until = now() + interval '10 minutes'
                   where failures = 1";
    root.batch_execute(marked).await.unwrap();
    let locked = stranger(&world, "203.0.113.9").post(PATH, &login("lamps", email, PASSWORD)).await;
    assert_eq!(locked.0, 429, "the guesser waits: {}", locked.1);

    // The account's own pause is half a minute at most, and ends; here it is over.
    let account = "update login_attempts set locked_until = now() where locked_until > now() + interval '9 minutes'";
    let mut known = login("lamps", email, PASSWORD);
    known["client_token"] = before["client_token"].clone();
    let (status, body) = stranger(&world, "203.0.113.9").post(PATH, &known).await;
    assert_eq!(status, 200, "a client that logged in before is not paused: {body}");
    root.batch_execute(account).await.unwrap();
    let (status, body) = stranger(&world, "198.51.100.77").post(PATH, &login("lamps", email, PASSWORD)).await;
    assert_eq!(status, 200, "the owner on a new device elsewhere: {body}");

    let mut forged = login("lamps", email, PASSWORD);
    forged["client_token"] = json!("cs_dev_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    root.batch_execute("update login_attempts set locked_until = now() + interval '10 minutes'").await.unwrap();
    assert_eq!(stranger(&world, "203.0.113.9").post(PATH, &forged).await.0, 429, "a made-up token is none");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_is_told_when_guesses_become_many() {
    let world = World::connected(crate::world::CALM).await;
    world.create("lamps").await;
    for number in 0..10 {
        let guesser = stranger(&world, &format!("203.0.113.{number}"));
        assert_eq!(guesser.post(PATH, &login("lamps", "ana@lamps.example", WRONG)).await.0, 401);
        assert_eq!(guesser.post(PATH, &login("lamps", "nobody@lamps.example", WRONG)).await.0, 401);
    }
    // What comes after them on the same topic.
    let me = world.owner("lamps").await;
    let change = json!({"current_password": PASSWORD, "password": "quite another staple of horses"});
    assert_eq!(me.post("/auth/v1/password", &change).await.0, 200);
    let told = testkit::eventually(crate::world::PATIENCE, async || {
        let records = world.scene.read(contracts::topics::ACCOUNT.name).await;
        let changed = records.iter().any(|record| record.header("ce_type").unwrap().contains("password-changed"));
        if changed { Some(records) } else { None }
    })
    .await;
    assert_eq!(told.len(), 2, "once, and nobody is told of an account that does not exist");
    assert_eq!(told[0].header("ce_type"), Some("auth.account.login-attempts-noticed.v1"));
    let body = String::from_utf8_lossy(told[0].payload.as_deref().unwrap()).into_owned();
    assert!(body.contains("\"attempts\":10") && body.contains("ana@lamps.example"), "{body}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_of_former_parameters_is_made_anew_by_the_next_login() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let root = world.scene.superuser().await;
    let former = argon2_of_former_parameters(PASSWORD);
    root.execute("update people set password_hash = $1", &[&former]).await.unwrap();
    assert_eq!(world.log_in("lamps", WRONG).await.0, 401);
    let hash = async || -> String { root.query_one("select password_hash from people", &[]).await.unwrap().get(0) };
    assert_eq!(hash().await, former, "a wrong password changes nothing");
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 200);
    assert!(hash().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash().await);
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 200);
    world.stop().await;
}

fn argon2_of_former_parameters(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    argon.hash_password(password.as_bytes()).unwrap().to_string()
}
