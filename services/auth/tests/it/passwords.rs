//! Choosing a new password.

use auth::domain::Email;
use contracts::{
    Channel,
    auth::{AccountEvent, PasswordResetRequested},
    topics,
};
use mediator::Scope;
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World};

const NEW: &str = "quite another staple of horses";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_the_other_sessions_and_the_person_is_told() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let (_, here) = world.log_in("lamps", PASSWORD).await;
    let (_, there) = world.log_in("lamps", PASSWORD).await;
    let me = world.as_bearer(&here);
    let change = async |current: &str, new: &str| {
        me.post("/auth/v1/password", &json!({"current_password": current, "password": new})).await
    };
    let (status, problem) = change("incorrect horse battery staple", NEW).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["current_password"]), "{problem}");
    for weak in ["short", "passwordpassword", "ana@lamps.example", PASSWORD] {
        let (status, problem) = change(PASSWORD, weak).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{weak}: {problem}");
        assert!(!problem["errors"].to_string().contains(weak), "{problem}");
    }
    assert_eq!(change(PASSWORD, NEW).await, (200, json!({"ended": 1})));
    let refresh = async |tokens: &Value| {
        world.visitor().post("/auth/v1/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await.0
    };
    assert_eq!((refresh(&here).await, refresh(&there).await), (200, 401));
    assert_eq!((world.log_in("lamps", PASSWORD).await.0, world.log_in("lamps", NEW).await.0), (401, 200));
    let told = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ACCOUNT.name).await;
        records.iter().find(|record| record.header("ce_type") == Some("auth.account.password-changed.v1")).cloned()
    })
    .await;
    assert!(!String::from_utf8_lossy(told.payload.as_deref().unwrap()).contains(NEW));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_token_but_not_the_password_does_not_guess_at_it_for_long() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let me = world.owner("lamps").await;
    for number in 0..10 {
        let body = json!({"current_password": format!("wrong {number}"), "password": NEW});
        assert_eq!(me.post("/auth/v1/password", &body).await.0, 422);
    }
    assert_eq!(world.pause_guessers().await, 1, "they count for this session");
    let right = json!({"current_password": PASSWORD, "password": NEW});
    assert_eq!(me.post("/auth/v1/password", &right).await.0, 429);
    assert_eq!(world.owner("lamps").await.post("/auth/v1/password", &right).await.0, 200, "another session is free");
    world.stop().await;
}

/// The reset that the mailer would deliver.
async fn delivered(world: &World) -> PasswordResetRequested {
    eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ACCOUNT.name).await;
        records.iter().rev().find_map(|record| {
            let event = AccountEvent::decode(record.header("ce_type")?, record.payload.as_deref()?).ok()?;
            if let AccountEvent::PasswordResetRequested(reset) = event { Some(reset) } else { None }
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivered_token_replaces_a_forgotten_password_once() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let (_, session) = world.log_in("lamps", PASSWORD).await;
    let ask = async |email: &str| world.visitor().post("/auth/v1/password-resets", &json!({"email": email})).await;
    let unknown = ask("nobody@lamps.example").await;
    assert_eq!(ask("ana@lamps.example").await, unknown, "the answer does not tell who has an account");

    let reset = delivered(&world).await;
    assert_eq!(reset.email, "ana@lamps.example");
    let redeem = async |token: &str, password: &str| {
        let body = json!({"token": token, "password": password});
        world.visitor().post("/auth/v1/password-resets/redeem", &body).await
    };
    let (status, problem) = redeem(reset.token.expose(), "passwordpassword").await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{problem}");
    let forged = format!("{}A", &reset.token.expose()[..reset.token.expose().len() - 1]);
    if forged != reset.token.expose() {
        assert_eq!(redeem(&forged, NEW).await.0, 422);
    }
    assert_eq!(redeem(reset.token.expose(), NEW).await, (200, json!({"ended": 1})));
    let (status, problem) = redeem(reset.token.expose(), PASSWORD).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/token-refused")), "it is used up: {problem}");
    assert_eq!((world.log_in("lamps", PASSWORD).await.0, world.log_in("lamps", NEW).await.0), (401, 200));
    let refresh = json!({"refresh_token": session["refresh_token"]});
    assert_eq!(world.visitor().post("/auth/v1/refresh", &refresh).await.0, 401, "every session has ended");

    let visitor = Scope::platform(access::Caller::Visitor);
    let nobody = Email::parse("nobody@lamps.example").unwrap();
    auth::processes::passwords::request_reset(world.mediator(), &visitor, nobody, None).await.unwrap();
    let records = world.scene.read(topics::ACCOUNT.name).await;
    let asked = records.iter().filter(|record| record.header("ce_type").unwrap().contains("requested")).count();
    assert_eq!(asked, 1, "nothing is sent to an address without account");
    world.stop().await;
}

/// Asks for a reset of the owner's password, and waits until it is done: a request is answered before.
async fn request(world: &World) {
    let (visitor, email) = (Scope::platform(access::Caller::Visitor), Email::parse("ana@lamps.example").unwrap());
    auth::processes::passwords::request_reset(world.mediator(), &visitor, email, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_token_ends_with_its_hour_and_with_the_next_one() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let ask = json!({"email": "ana@lamps.example"});
    assert_eq!(world.visitor().post("/auth/v1/password-resets", &ask).await.0, 200);
    let first = delivered(&world).await;
    let root = world.scene.superuser().await;
    let kept =
        async || -> Vec<u8> { root.query_one("select token_hash from password_resets", &[]).await.unwrap().get(0) };
    let before = kept().await;
    for _ in 0..3 {
        request(&world).await;
    }
    assert_eq!(kept().await, before, "whoever asks again and again makes the delivered one worthless for nobody");
    root.batch_execute("update password_resets set created_at = now() - interval '6 minutes'").await.unwrap();
    request(&world).await;
    let second = eventually(PATIENCE, async || {
        let next = delivered(&world).await;
        if next.token == first.token { None } else { Some(next) }
    })
    .await;
    let redeem = async |token: &str| {
        let body = json!({"token": token, "password": NEW});
        world.visitor().post("/auth/v1/password-resets/redeem", &body).await.0
    };
    assert_eq!(redeem(first.token.expose()).await, 422);
    root.batch_execute("update password_resets set expires_at = now()").await.unwrap();
    assert_eq!(redeem(second.token.expose()).await, 422);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_makes_a_reset_that_is_under_way_worthless() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let me = world.owner("lamps").await;
    let ask = json!({"email": "ana@lamps.example"});
    assert_eq!(world.visitor().post("/auth/v1/password-resets", &ask).await.0, 200);
    let reset = delivered(&world).await;
    assert_eq!(me.post("/auth/v1/password", &json!({"current_password": PASSWORD, "password": NEW})).await.0, 200);
    let redeem = json!({"token": reset.token.expose(), "password": "a third staple of many horses"});
    assert_eq!(world.visitor().post("/auth/v1/password-resets/redeem", &redeem).await.0, 422);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_was_checked_before_a_reset_opens_no_session_after_it() {
    use auth::{
        commands::{OpenSession, ResetPassword},
        credentials::PasswordHash,
        domain::{AccountId, Holder, Session},
        error::Error,
    };
    use kernel::{Clock, SessionId, UserId};
    use mediator::SendError;

    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    let user: UserId = created["user"]["id"].as_str().unwrap().parse().unwrap();
    let organisation = created["organisation"]["id"].as_str().unwrap().parse().unwrap();
    let root = world.scene.superuser().await;
    let verified: String = root.query_one("select password_hash from people", &[]).await.unwrap().get(0);
    let ask = json!({"email": "ana@lamps.example"});
    assert_eq!(world.visitor().post("/auth/v1/password-resets", &ask).await.0, 200);
    delivered(&world).await;
    let token_hash: Vec<u8> = root.query_one("select token_hash from password_resets", &[]).await.unwrap().get(0);
    let visitor = Scope::platform(access::Caller::Visitor);
    let other = verified.replace("$argon2id$", "$argon2id$other");
    let email = Email::parse("ana@lamps.example").unwrap();
    let token_hash = token_hash.try_into().unwrap();
    let account = AccountId::Person(user);
    let reset = ResetPassword {
        account,
        email,
        token_hash,
        subjects: Vec::new(),
        password: PasswordHash::stored(other.clone()),
    };
    world.mediator().send(&visitor, reset).await.unwrap();

    // The login had its password checked before, and had it hashed anew.
    let now = Clock::now();
    let open = OpenSession {
        session: Session {
            id: SessionId::new(),
            holder: Holder::Person(user, organisation),
            refresh_hash: [7; 32],
            generation: 0,
            rotated_at: now,
            last_used_at: now,
            expires_at: now + std::time::Duration::from_secs(600),
            ended_at: None,
        },
        device: String::new(),
        address: String::new(),
        subjects: Vec::new(),
        verified: PasswordHash::stored(verified.clone()),
        rehashed: Some(PasswordHash::stored(format!("{verified}again"))),
    };
    let refused = world.mediator().send(&visitor, open).await.unwrap_err();
    assert!(matches!(refused, SendError::Failed(Error::LoginRefused)), "{refused}");
    let row = root.query_one("select password_hash, (select count(*) from sessions) from people", &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, i64>(1)), (other, 0), "the new password stays");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_tried_and_then_reset_the_password_logs_in_with_it_at_once() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    for _ in 0..10 {
        assert_eq!(world.log_in("lamps", "incorrect horse battery staple").await.0, 401);
    }
    world.pause_guessers().await;
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 429);
    request(&world).await;
    let redeem = json!({"token": delivered(&world).await.token.expose(), "password": NEW});
    assert_eq!(world.visitor().post("/auth/v1/password-resets/redeem", &redeem).await.0, 200);
    assert_eq!(world.log_in("lamps", NEW).await.0, 200);
    world.stop().await;
}
