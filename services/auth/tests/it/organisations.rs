//! Creating organisations.

use auth::commands::CreateOrganisation;
use contracts::{Channel, auth::OrganisationState, topics};
use devstack::DatabaseRole;
use mediator::IdempotencyKey;
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World, organisation};

const PATH: &str = "/auth/v1/organisations";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_organisation_is_published_and_its_owner_can_log_in() {
    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    assert_eq!(created["organisation"]["slug"], "lamps");
    assert_eq!(
        (&created["user"]["email"], &created["user"]["roles"]),
        (&json!("ana@lamps.example"), &json!(["owner"]))
    );
    assert!(!created.to_string().contains("argon2"), "{created}");

    let (status, session) = world.log_in("lamps", PASSWORD).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!((&session["token_type"], &session["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!((&session["organisation"], &session["user"]), (&created["organisation"]["id"], &created["user"]["id"]));

    let records = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORGANISATION.name).await;
        if records.is_empty() { None } else { Some(records) }
    })
    .await;
    assert_eq!(records.len(), 1);
    let payload = records[0].payload.as_deref().unwrap();
    let state = OrganisationState::decode(records[0].header("ce_type").unwrap(), payload).unwrap();
    assert_eq!((state.slug.as_str(), state.active, state.version), ("lamps", true, 1));
    assert_eq!(created["organisation"]["id"], json!(state.organisation));
    assert_eq!(records[0].header("ce_actor"), Some("visitor"));
    assert_eq!(created["organisation"]["id"], records[0].header("ce_organisation").unwrap(), "it belongs to itself");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_setup_token_opens_the_door() {
    let world = World::quiet().await;
    let (status, problem) = world.visitor().post(PATH, &organisation("lamps")).await;
    assert_eq!((status, &problem["type"]), (401, &json!("/problems/unauthenticated")), "{problem}");
    for wrong in ["x", "setup-token-of-the-test", "setup-token-of-the-testS"] {
        let (status, problem) = world.visitor().with("x-setup-token", wrong).post(PATH, &organisation("lamps")).await;
        assert_eq!((status, &problem["type"]), (403, &json!("/problems/setup-refused")), "{problem}");
        assert!(!problem.to_string().contains(wrong) || wrong == "x", "the problem repeats the token: {problem}");
    }
    assert_eq!(world.operator().without_key().post(PATH, &organisation("lamps")).await.0, 400);
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 401, "nothing was created");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_faulty_field_is_reported_at_once_and_no_password_is_repeated() {
    let world = World::quiet().await;
    let body = json!({
        "slug": "No Slug", "name": " ", "currency": "???",
        "owner": {"email": "nobody", "password": "aaaaaaaaaaaaa", "name": "\u{7}"},
    });
    let (status, problem) = world.operator().post(PATH, &body).await;
    let expected = ["currency", "name", "owner.email", "owner.name", "slug"];
    assert_eq!((status, problem_fields(&problem)), (422, expected.to_vec()), "{problem}");
    assert!(!problem.to_string().contains("aaaaaaaaaaaaa"), "{problem}");
    let mut short = organisation("No Slug");
    short["owner"]["password"] = json!("hunter2");
    let (status, problem) = world.operator().post(PATH, &short).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["owner.email", "slug"]), "{problem}");
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
    let mut weak = organisation("lamps");
    weak["owner"]["password"] = json!("hunter2");
    let (status, problem) = world.operator().post(PATH, &weak).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["owner.password"]), "{problem}");
    assert!(!problem.to_string().contains("hunter2"), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slug_belongs_to_one_organisation() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let (status, problem) = world.operator().post(PATH, &organisation("lamps")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/organisation-slug-taken")), "{problem}");
    assert_eq!(problem_fields(&problem), ["slug"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_repeats_with_one_key_create_one_organisation() {
    let world = World::quiet().await;
    let keyed = world.operator().with("idempotency-key", "the-key");
    // No more than attempts at the owner's password that are free.
    let repeats = (0..8).map(|_| {
        let keyed = keyed.clone();
        tokio::spawn(async move { keyed.post_reply(PATH, &organisation("lamps")).await })
    });
    let mut bodies = Vec::new();
    for repeat in repeats.collect::<Vec<_>>() {
        let reply = repeat.await.unwrap();
        assert_eq!((reply.status, reply.header("location")), (201, Some("/auth/v1/me")), "{}", reply.text());
        bodies.push(reply.bytes);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "every repeat gets the first one's bytes");
    let root = world.scene.superuser().await;
    let count: i64 = root.query_one("select count(*) from organisations", &[]).await.unwrap().get(0);
    assert_eq!(count, 1);

    let mut other = organisation("lamps");
    other["owner"]["password"] = json!("another horse battery staple");
    let (status, problem) = keyed.post(PATH, &other).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/idempotency-key-reused")), "{problem}");

    root.batch_execute("delete from replays").await.unwrap();
    for slug in ["lamps", "chairs"] {
        let (status, problem) = keyed.post(PATH, &organisation(slug)).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/organisation-already-created")), "{problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_the_release_before_recorded_is_repeated_after_the_migration() {
    const UP: &str = include_str!("../../migrations/2026-11-26-110000_replies_of_creation/up.sql");
    const DOWN: &str = include_str!("../../migrations/2026-11-26-110000_replies_of_creation/down.sql");
    let world = World::quiet().await;
    let keyed = world.operator().with("idempotency-key", "the-key");
    let first = keyed.post_reply(PATH, &organisation("lamps")).await;
    assert_eq!(first.status, 201, "{}", first.text());

    // As that release wrote it: under the organisation's id, which it derived from the key in the same way, with status
    // and location.
    let root = world.scene.superuser().await;
    let derived = CreateOrganisation::identity(&IdempotencyKey::parse("the-key").unwrap()).uuid();
    let recorded = format!(
        "insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, location, body)
         select '{derived}'::uuid, principal, operation, idempotency_key, request_digest, 201, '/auth/v1/me', body
           from replays;
         delete from replays where org_id is null"
    );
    root.batch_execute(&recorded).await.unwrap();
    let repeat = async || keyed.post_reply(PATH, &organisation("lamps")).await;
    assert_eq!(repeat().await.status, 409, "it is not found where it is");

    let owner = world.scene.connect(DatabaseRole::Owner).await;
    for _ in 0..2 {
        owner.batch_execute(UP).await.unwrap();
        let again = repeat().await;
        assert_eq!((again.status, again.header("location")), (201, Some("/auth/v1/me")), "{}", again.text());
        assert_eq!(again.bytes, first.bytes);
    }
    let copy = "select status, location, created_at = (select created_at from replays where org_id is not null)
                  from replays where org_id is null";
    let copy = root.query_one(copy, &[]).await.unwrap();
    assert_eq!((copy.get::<_, i16>(0), copy.get::<_, &str>(1), copy.get::<_, bool>(2)), (201, "/auth/v1/me", true));
    let bound = "select bool_and(relforcerowsecurity) from pg_class where oid = 'replays'::regclass";
    assert!(root.query_one(bound, &[]).await.unwrap().get::<_, bool>(0), "the owner is bound again");

    owner.batch_execute(DOWN).await.unwrap();
    assert_eq!(repeat().await.status, 409, "the copy is gone");
    let originals = "select count(*) from replays where org_id is not null";
    let left: i64 = root.query_one(originals, &[]).await.unwrap().get(0);
    assert_eq!(left, 1, "the original stays");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_create_organisations_does_not_guess_at_passwords_for_long() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let wanted = |slug: &str, password: &str| {
        let mut wanted = organisation(slug);
        wanted["owner"]["email"] = json!("ana@lamps.example");
        wanted["owner"]["password"] = json!(password);
        wanted
    };
    for number in 0..12 {
        let (status, made) = world.operator().post(PATH, &wanted(&format!("more-{number}"), PASSWORD)).await;
        assert_eq!(status, 201, "a right password is no attempt: {made}");
    }
    for number in 0..10 {
        let (status, problem) =
            world.operator().post(PATH, &wanted("chairs", &format!("incorrect horse {number}"))).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["owner.password"]), "{problem}");
    }
    assert!(world.pause_guessers().await >= 1);
    assert_eq!(world.operator().post(PATH, &wanted("chairs", PASSWORD)).await.0, 429);
    let operator = json!({"email": "ana@lamps.example", "name": "Ana", "password": PASSWORD});
    let (status, problem) = world.operator().post("/auth/v1/operators", &operator).await;
    assert_eq!((status, &problem["type"]), (429, &json!("/problems/login-locked")), "nor elsewhere: {problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_changes_nothing_makes_no_new_version_and_null_takes_the_country_away() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await.with("if-match", "*");
    let change = async |body: Value| owner.patch("/admin/v1/organisation", &body).await.1;
    let said = change(json!({"country": "VN", "time_zone": "Asia/Ho_Chi_Minh"})).await;
    assert_eq!((&said["country"], &said["version"]), (&json!("VN"), &json!(2)), "{said}");
    for same in [json!({}), json!({"country": "vn", "name": "Lamps Ltd", "guests": true})] {
        assert_eq!(change(same).await, said);
    }
    let taken = change(json!({"country": null})).await;
    assert_eq!((&taken["country"], &taken["version"]), (&Value::Null, &json!(3)), "{taken}");
    assert_eq!(taken["time_zone"], "Asia/Ho_Chi_Minh");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_can_see_is_refused_with_its_field() {
    let world = World::quiet().await;
    let mut unseen = organisation("lamps");
    unseen["name"] = json!("\u{200b}\u{200b}");
    unseen["owner"]["name"] = json!("\u{3164}");
    let (status, problem) = world.operator().post(PATH, &unseen).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["name", "owner.name"]), "{problem}");
    world.stop().await;
}
