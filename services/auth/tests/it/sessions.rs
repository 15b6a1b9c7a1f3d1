//! Staying logged in: refresh tokens, the organisations of one login, and the end of it.

use std::collections::HashSet;
use std::time::Duration;

use contracts::topics;
use serde_json::{Value, json};
use testkit::{Client, eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World, login, organisation};

const REFRESH: &str = "/auth/v1/refresh";

async fn refresh(client: &Client, token: &Value) -> (u16, Value) {
    client.post(REFRESH, &json!({"refresh_token": token})).await
}

/// Logs in as the owner of this organisation.
async fn tokens(world: &World, slug: &str) -> Value {
    let (status, tokens) = world.log_in(slug, PASSWORD).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

async fn age(world: &World, seconds: i32) {
    let root = world.scene.superuser().await;
    let aged = format!("update sessions set rotated_at = rotated_at - interval '{seconds} seconds'");
    root.batch_execute(&aged).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_is_good_for_one_exchange_and_a_used_one_ends_the_session() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let first = tokens(&world, "lamps").await;
    let visitor = world.visitor();
    let (status, second) = refresh(&visitor, &first["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    assert_eq!(second["session"], first["session"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(world.as_bearer(&second).get("/auth/v1/me").await.0, 200);

    age(&world, 60).await;
    let (status, problem) = refresh(&visitor, &first["refresh_token"]).await;
    assert_eq!((status, &problem["type"]), (401, &json!("/problems/session-over")), "{problem}");
    let (status, problem) = refresh(&visitor, &second["refresh_token"]).await;
    assert_eq!(status, 401, "two hold the tokens of this session, so it is over: {problem}");
    assert_eq!(world.owner("lamps").await.get("/auth/v1/me").await.0, 200, "a new login is another session");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_made_up_ends_nothing() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let first = tokens(&world, "lamps").await;
    let (status, second) = refresh(&world.visitor(), &first["refresh_token"]).await;
    assert_eq!(status, 200, "{second}");
    age(&world, 60).await;
    let genuine = second["refresh_token"].as_str().unwrap();
    // Another letter in the middle of the secret: still a well-formed token of this session.
    let middle = genuine.len() - 20;
    let other = if &genuine[middle..=middle] == "A" { "B" } else { "A" };
    let changed = format!("{}{other}{}", &genuine[..middle], &genuine[middle + 1..]);
    for forged in [changed, format!("{genuine}x"), "cs_rt_x".to_owned(), "x".to_owned()] {
        let (status, problem) = refresh(&world.visitor(), &json!(forged)).await;
        assert_eq!((status, &problem["type"]), (401, &json!("/problems/session-over")), "{problem}");
    }
    for empty in [json!(""), json!("x".repeat(129)), json!("a b")] {
        let (status, problem) = refresh(&world.visitor(), &empty).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["refresh_token"]), "{problem}");
    }
    assert_eq!(refresh(&world.visitor(), &second["refresh_token"]).await.0, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_exchanges_at_once_get_one_successor_at_two_replicas() {
    let world = World::of_two().await;
    world.create("lamps").await;
    let first = tokens(&world, "lamps").await;
    let exchanges = (0..24).map(|number| {
        let client = world.bearer(number % 2, None);
        let token = first["refresh_token"].clone();
        tokio::spawn(async move { refresh(&client, &token).await })
    });
    let mut successors = HashSet::new();
    for exchange in exchanges.collect::<Vec<_>>() {
        let (status, tokens) = exchange.await.unwrap();
        assert_eq!(status, 200, "{tokens}");
        successors.insert(tokens["refresh_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(successors.len(), 1);
    let root = world.scene.superuser().await;
    let generation: i32 = root.query_one("select generation from sessions", &[]).await.unwrap().get(0);
    assert_eq!(generation, 1, "the token was replaced once");
    let successor = successors.into_iter().next().unwrap();
    assert!(!stored(&world).await.contains(&successor), "a refresh token is stored");
    assert_eq!(refresh(&world.visitor(), &json!(successor)).await.0, 200);
    world.stop().await;
}

/// Everything that the tables of this test hold, as text.
async fn stored(world: &World) -> String {
    let root = world.scene.superuser().await;
    let mut all = String::new();
    for table in ["sessions", "people", "replays", "outbox", "invitations", "api_keys", "password_resets"] {
        for row in root.query(&format!("select t::text from {table} t"), &[]).await.unwrap() {
            all.push_str(row.get(0));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_ends_when_it_is_not_used_or_has_lasted() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let root = world.scene.superuser().await;
    for aged in [
        "update sessions set last_used_at = now() - interval '2 hours'",
        "update sessions set expires_at = now() - interval '1 second'",
    ] {
        let tokens = tokens(&world, "lamps").await;
        root.batch_execute(aged).await.unwrap();
        assert_eq!(refresh(&world.visitor(), &tokens["refresh_token"]).await.0, 401, "{aged}");
        let (_, listed) = world.owner("lamps").await.get("/auth/v1/sessions").await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "only the new one is open: {listed}");
        root.batch_execute("delete from sessions").await.unwrap();
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sees_ones_own_sessions_and_ends_one_or_all() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    world.create("chairs").await;
    let phone = world.visitor().with("user-agent", "Phone/1").with("x-forwarded-for", "203.0.113.4");
    let (_, first) = phone.post("/auth/v1/login", &login("lamps", "ana@lamps.example", PASSWORD)).await;
    let (second, third) = (tokens(&world, "lamps").await, tokens(&world, "lamps").await);
    let stranger = world.owner("chairs").await;

    let me = world.as_bearer(&second);
    let (_, listed) = me.get("/auth/v1/sessions").await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{listed}");
    let of_phone = items.iter().find(|item| item["id"] == first["session"]).unwrap();
    assert_eq!((&of_phone["address"], &of_phone["device"]), (&json!("203.0.113.4"), &json!("Phone/1")));
    assert_eq!(of_phone["current"], false);
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);

    let end = |session: &Value| format!("/auth/v1/sessions/{}/end", session.as_str().unwrap());
    assert_eq!(stranger.post(&end(&first["session"]), &json!({})).await.0, 404, "somebody else's session");
    assert_eq!(me.post(&end(&first["session"]), &json!({})).await, (200, json!({"ended": 1})));
    assert_eq!(me.post(&end(&first["session"]), &json!({})).await.0, 404, "it is over");
    assert_eq!(refresh(&world.visitor(), &first["refresh_token"]).await.0, 401);
    assert_eq!(refresh(&world.visitor(), &third["refresh_token"]).await.0, 200);

    assert_eq!(world.as_bearer(&third).post("/auth/v1/logout", &json!({})).await, (200, json!({"ended": 1})));
    let fourth = tokens(&world, "lamps").await;
    assert_eq!(me.post("/auth/v1/sessions/end-all", &json!({})).await, (200, json!({"ended": 2})));
    assert_eq!(refresh(&world.visitor(), &fourth["refresh_token"]).await.0, 401);
    assert_eq!(stranger.get("/auth/v1/sessions").await.1["items"].as_array().unwrap().len(), 1, "hers goes on");

    let ended = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::SESSION.name).await;
        if records.len() == 4 { Some(records) } else { None }
    })
    .await;
    let keys: HashSet<_> = ended.iter().map(|record| record.header("ce_subject").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 4, "every end is told to the gateways");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_sessions_are_cleared_away_and_taken_back_once_no_token_of_them_can_be_valid() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let (ended, _expired, _idle) =
        (tokens(&world, "lamps").await, tokens(&world, "lamps").await, tokens(&world, "lamps").await);
    assert_eq!(world.as_bearer(&ended).post("/auth/v1/logout", &json!({})).await.0, 200);
    let clear = auth::commands::ClearSessions { kept: Duration::from_secs(660), idle: Duration::from_secs(3_600) };
    let system = mediator::Scope::platform_system(auth::NAME);
    assert_eq!(world.mediator().send(&system, clear.clone()).await.unwrap(), 0, "its tokens may still be valid");
    let root = world.scene.superuser().await;
    root.batch_execute("update sessions set ended_at = ended_at - interval '1 hour' where ended_at is not null")
        .await
        .unwrap();
    let over = "update sessions set expires_at = now() - interval '1 hour'
                 where session_id = (select session_id from sessions where ended_at is null order by 1 limit 1);
                update sessions set last_used_at = now() - interval '3 hours'
                 where session_id = (select session_id from sessions where ended_at is null order by 1 desc limit 1)";
    root.batch_execute(over).await.unwrap();
    assert_eq!(world.mediator().send(&system, clear).await.unwrap(), 3);
    let records = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::SESSION.name).await;
        if records.len() == 2 { Some(records) } else { None }
    })
    .await;
    assert!(records[0].payload.is_some() && records[1].payload.is_none(), "its end, and its removal");
    assert_eq!(records[0].header("ce_subject"), records[1].header("ce_subject"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_of_two_organisations_chooses_one_and_switches_without_a_password() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let mut chairs = organisation("chairs");
    chairs["owner"]["email"] = json!("ana@lamps.example");
    chairs["owner"]["password"] = json!("another horse battery staple");
    let (status, problem) = world.operator().post("/auth/v1/organisations", &chairs).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["owner.password"]), "the address has an account");
    chairs["owner"]["password"] = json!(PASSWORD);
    let (status, created) = world.operator().post("/auth/v1/organisations", &chairs).await;
    assert_eq!(status, 201, "{created}");

    let unnamed = json!({"email": "ana@lamps.example", "password": PASSWORD});
    let (status, problem) = world.visitor().post("/auth/v1/login", &unnamed).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/organisation-not-chosen")), "{problem}");
    assert_eq!(problem["organisations"], json!(["chairs", "lamps"]));
    let wrong = json!({"email": "ana@lamps.example", "password": "incorrect horse battery staple"});
    assert_eq!(world.visitor().post("/auth/v1/login", &wrong).await.0, 401, "only after the right password");

    let (status, tokens) = world.visitor().post("/auth/v1/login", &login("lamps", "ana@lamps.example", PASSWORD)).await;
    assert_eq!(status, 200, "{tokens}");
    let me = world.as_bearer(&tokens);
    let (_, memberships) = me.get("/auth/v1/memberships").await;
    let slugs: Vec<_> = memberships["items"].as_array().unwrap().iter().map(|item| &item["slug"]).collect();
    assert_eq!(slugs, ["chairs", "lamps"]);
    let turn = async |tokens: &Value, slug: &str| {
        let body = json!({"refresh_token": tokens["refresh_token"], "organisation": slug});
        world.visitor().post(REFRESH, &body).await
    };
    let (status, turned) = turn(&tokens, "chairs").await;
    assert_eq!((status, &turned["organisation"]), (200, &created["organisation"]["id"]), "{turned}");
    assert_eq!(turned["session"], tokens["session"]);
    let (_, there) = world.as_bearer(&turned).get("/auth/v1/me").await;
    assert_eq!(there["organisation"]["slug"], "chairs");
    let (_, next) = refresh(&world.visitor(), &turned["refresh_token"]).await;
    assert_eq!(next["organisation"], created["organisation"]["id"], "the session stays there");
    let (status, problem) = turn(&next, "tables").await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/not-a-member")), "{problem}");
    assert_eq!(problem["organisations"], json!(["chairs", "lamps"]), "what it can be turned to");
    let (status, back) = turn(&next, "lamps").await;
    assert_eq!((status, &back["organisation"]), (200, &tokens["organisation"]), "nothing was used up: {back}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_one_client_that_refresh_at_once_are_no_thieves_and_the_last_turn_counts() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let chairs = world.create("chairs").await["organisation"]["id"].clone();
    let ana = world.owner("chairs").await;
    let (_, sent) =
        ana.post("/admin/v1/invitations", &json!({"email": "ana@lamps.example", "roles": ["viewer"]})).await;
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 200);
    let first = tokens(&world, "lamps").await;
    let (_, second) = refresh(&world.visitor(), &first["refresh_token"]).await;
    let turn = json!({"refresh_token": first["refresh_token"], "organisation": "chairs"});
    let (status, turned) = world.visitor().post(REFRESH, &turn).await;
    assert_eq!((status, &turned["organisation"]), (200, &chairs), "the second of two uses at once: {turned}");
    assert_eq!(turned["refresh_token"], second["refresh_token"]);
    let (_, third) = refresh(&world.visitor(), &second["refresh_token"]).await;
    assert_eq!(third["organisation"], chairs, "the session was turned");
    assert_eq!(refresh(&world.visitor(), &first["refresh_token"]).await.0, 401, "two replacements ago");
    assert_eq!(
        refresh(&world.visitor(), &third["refresh_token"]).await.0,
        200,
        "it comes from the same client, a moment late"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_logins_end_beyond_as_many_as_a_list_shows() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let oldest = tokens(&world, "lamps").await;
    let root = world.scene.superuser().await;
    let many = "insert into sessions
                select gen_random_uuid(), user_id, customer_id, org_id, refresh_hash, generation, rotated_at, device, address,
                       created_at, last_used_at + interval '1 second' * number, expires_at, ended_at
                  from sessions, generate_series(1, 199) as number";
    root.batch_execute(many).await.unwrap();
    root.batch_execute("update sessions set last_used_at = last_used_at - interval '10 minutes'").await.unwrap();
    let latest = tokens(&world, "lamps").await;
    let listed = world.as_bearer(&latest).get("/auth/v1/sessions").await.1;
    assert_eq!(listed["items"].as_array().unwrap().len(), 200);
    assert_eq!(refresh(&world.visitor(), &oldest["refresh_token"]).await.0, 401);
    world.stop().await;
}
