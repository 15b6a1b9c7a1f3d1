//! Those who run the installation: how the first one is made, and what they alone may do.

use auth::{
    commands::OfferSetup,
    credentials::{OneTimeSetupToken, SetupToken},
    domain::{Email, Name, NewOperator, Password},
    processes::operators::ensure_first,
};
use contracts::topics;
use kernel::{Id, kinds};
use mediator::Scope;
use serde_json::{Value, json};
use testkit::{Client, eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World, credentials, organisation};

const EMAIL: &str = "root@store.example";

fn body(email: &str, password: &str) -> Value {
    json!({"email": email, "name": "Root", "password": password})
}

/// Somebody who runs the installation.
async fn operator(world: &World) -> Client {
    let (status, made) = world.operator().post("/auth/v1/operators", &body(EMAIL, PASSWORD)).await;
    assert_eq!(status, 200, "{made}");
    let (status, tokens) = log_in(world, PASSWORD).await;
    assert_eq!(status, 200, "{tokens}");
    assert!(tokens["organisation"].is_null() && tokens["user"] == made["user"], "{tokens}");
    world.as_bearer(&tokens)
}

async fn log_in(world: &World, password: &str) -> (u16, Value) {
    world.visitor().post("/auth/v1/operators/login", &json!({"email": EMAIL, "password": password})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_made_with_the_setup_token_and_works_for_no_organisation() {
    let world = World::quiet().await;
    world.create("lamps").await;
    assert_eq!(world.visitor().post("/auth/v1/operators", &body(EMAIL, PASSWORD)).await.0, 401);
    let wrong = world.visitor().with("x-setup-token", "not-the-setup-token");
    assert_eq!(wrong.post("/auth/v1/operators", &body(EMAIL, PASSWORD)).await.0, 403);
    let weak = world.operator().post("/auth/v1/operators", &body(EMAIL, "passwordpassword")).await;
    assert_eq!((weak.0, problem_fields(&weak.1)), (422, vec!["password"]), "{}", weak.1);
    let root = operator(&world).await;
    assert_eq!(log_in(&world, "incorrect horse battery staple").await.0, 401);
    assert_eq!(root.get("/auth/v1/sessions").await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(root.get("/auth/v1/me").await.0, 403, "there is no organisation to be somebody in");
    assert_eq!(root.get("/admin/v1/members").await.0, 403);
    let owner = world.owner("lamps").await;
    assert_eq!(owner.get("/platform/v1/organisations").await.0, 403, "an owner runs no installation");
    let ana = json!({"email": "ana@lamps.example", "password": PASSWORD});
    assert_eq!(world.visitor().post("/auth/v1/operators/login", &ana).await.0, 401, "nor may log in as who does");
    let by_account = body("ana@lamps.example", "incorrect horse battery staple");
    assert_eq!(world.operator().post("/auth/v1/operators", &by_account).await.0, 422, "it has another password");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_creates_suspends_and_resumes_organisations() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, key) = owner.post("/admin/v1/api-keys", &json!({"name": "x", "permissions": ["order:read"]})).await;
    let guest = json!({"email": "late@lamps.example", "roles": ["viewer", "viewer"]});
    let (status, sent) = owner.post("/admin/v1/invitations", &guest).await;
    assert_eq!((status, &sent["invitation"]["roles"]), (201, &json!(["viewer"])), "{sent}");
    let root = operator(&world).await;
    let (status, chairs) = root.post("/platform/v1/organisations", &organisation("chairs")).await;
    assert_eq!(status, 201, "{chairs}");
    let (_, listed) = root.get("/platform/v1/organisations").await;
    let slugs: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect();
    assert_eq!(slugs, ["chairs", "lamps"]);
    assert_eq!(root.get("/platform/v1/organisations?offset=1").await.1["items"].as_array().unwrap().len(), 1);

    let lamps = listed["items"][1]["id"].as_str().unwrap();
    let to = |action: &str| format!("/platform/v1/organisations/{lamps}/{action}");
    let (status, suspended) = root.post(&to("suspend"), &json!({})).await;
    assert_eq!((status, &suspended["active"], &suspended["version"]), (200, &json!(false), &json!(2)), "{suspended}");
    assert_eq!(root.post(&to("suspend"), &json!({})).await.1["version"], 2, "again changes nothing");
    let (status, tokens) = world.log_in("lamps", PASSWORD).await;
    assert_eq!(status, 200, "its people look after their own accounts: {tokens}");
    let (_, memberships) = world.as_bearer(&tokens).get("/auth/v1/memberships").await;
    assert_eq!(memberships["items"][0]["active"], false, "{memberships}");
    let only = json!({"email": "ana@lamps.example", "password": PASSWORD});
    assert_eq!(world.visitor().post("/auth/v1/login", &only).await.0, 200, "there is no other one to choose");
    let refresh = json!({"refresh_token": tokens["refresh_token"]});
    assert_eq!(world.visitor().post("/auth/v1/refresh", &refresh).await.0, 200);
    let exchange = json!({"api_key": key["secret"]});
    assert_eq!(world.visitor().post("/auth/v1/api-keys/token", &exchange).await.0, 401, "its programs, too");
    let (status, problem) = world.accept(&sent["token"], PASSWORD).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/organisation-suspended")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("suspended"), "{problem}");
    assert_eq!(root.post(&to("resume"), &json!({})).await.1["active"], true);
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 200, "the refusal has used nothing up");
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 200);
    assert_eq!(root.post(&to("suspend").replace(lamps, "org_00000000000000000000000000"), &json!({})).await.0, 404);
    let told = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORGANISATION.name).await;
        if records.len() == 4 { Some(records) } else { None }
    })
    .await;
    let versions: Vec<_> = told.iter().map(|record| record.header("ce_aggregateversion").unwrap().to_owned()).collect();
    assert_eq!(versions, ["1", "1", "2", "3"]);

    let before = world.published().await.len();
    assert_eq!(owner.post("/platform/v1/signing-keys/rotate", &json!({})).await.0, 403);
    let (status, keys) = root.post("/platform/v1/signing-keys/rotate", &json!({})).await;
    assert_eq!((status, keys["keys"].as_array().unwrap().len()), (200, before + 1), "{keys}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_makes_the_first_operator_once() {
    let world = World::quiet().await;
    let named = |email: &str| NewOperator {
        email: Email::parse(email).unwrap(),
        name: Name::parse("Operator").unwrap(),
        password: Password::choose(PASSWORD).unwrap(),
    };
    for email in [EMAIL, EMAIL, "other@store.example"] {
        ensure_first(world.mediator(), &credentials(), Some(named(email))).await.unwrap();
    }
    assert_eq!(log_in(&world, PASSWORD).await.0, 200);
    let root = world.scene.superuser().await;
    let count: i64 = root.query_one("select count(*) from operators", &[]).await.unwrap().get(0);
    assert_eq!(count, 1, "the variables name the first one, and later starts change nothing");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_secret_a_one_time_token_is_offered_until_there_is_an_operator() {
    let world = World::quiet().await;
    let root = world.scene.superuser().await;
    let unset = auth::credentials::Credentials { setup: SetupToken::none(), ..credentials() };
    let hash = async || -> Option<Vec<u8>> {
        root.query_opt("select token_hash from setup_tokens", &[]).await.unwrap().map(|row| row.get(0))
    };
    ensure_first(world.mediator(), &credentials(), None).await.unwrap();
    assert_eq!(hash().await, None, "a configured setup token is enough");
    ensure_first(world.mediator(), &unset, None).await.unwrap();
    let first = hash().await.unwrap();
    ensure_first(world.mediator(), &unset, None).await.unwrap();
    assert_ne!(hash().await.unwrap(), first, "the next start offers another one");
    operator(&world).await;
    ensure_first(world.mediator(), &unset, None).await.unwrap();
    assert_eq!(hash().await, None, "nothing is offered once there is an operator, and nothing from before counts");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_printed_token_makes_one_operator_and_none_after_another_start_or_another_way() {
    let world = World::quiet().await;
    let system = Scope::platform_system("auth");
    let offered = async || {
        let token = OneTimeSetupToken::random(Id::<kinds::Token>::new()).unwrap();
        let offer = OfferSetup { token_hash: Some(token.hash()) };
        (token.text().expose().clone(), world.mediator().send(&system, offer).await.unwrap())
    };
    let with = async |token: &str, email: &str| {
        world.visitor().with("x-setup-token", token).post("/auth/v1/operators", &body(email, PASSWORD)).await.0
    };
    let (former, _) = offered().await;
    let (token, kept) = offered().await;
    assert!(kept);
    assert_eq!(with(&former, EMAIL).await, 403, "a later start has printed another one");
    let (status, made) = (with(&token, EMAIL).await, with(&token, "other@store.example").await);
    assert_eq!((status, made), (200, 403), "it is good once");
    assert!(!offered().await.1, "there is an operator");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_token_that_was_never_printed_tells_nobody_who_has_an_account() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let made_up = OneTimeSetupToken::random(Id::<kinds::Token>::new()).unwrap().text().expose().clone();
    let ask = async |email: &str| {
        world.visitor().with("x-setup-token", &made_up).post("/auth/v1/operators", &body(email, PASSWORD)).await
    };
    for _ in 0..12 {
        for email in ["ana@lamps.example", "nobody@lamps.example"] {
            let (status, problem) = ask(email).await;
            assert_eq!((status, &problem["type"]), (403, &json!("/problems/setup-refused")), "{email}: {problem}");
        }
    }
    let root = world.scene.superuser().await;
    let counted: i64 =
        root.query_one("select count(*) from login_attempts where failures > 0", &[]).await.unwrap().get(0);
    assert_eq!(counted, 0, "nor costs anybody an attempt");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_once_make_one_first_operator() {
    let world = World::quiet().await;
    let starts = (0..4).map(|_| {
        let mediator = world.mediator().clone();
        let first = NewOperator {
            email: Email::parse(EMAIL).unwrap(),
            name: Name::parse("Operator").unwrap(),
            password: Password::choose(PASSWORD).unwrap(),
        };
        tokio::spawn(async move { ensure_first(&mediator, &credentials(), Some(first)).await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
    assert_eq!(log_in(&world, PASSWORD).await.0, 200);
    world.stop().await;
}
