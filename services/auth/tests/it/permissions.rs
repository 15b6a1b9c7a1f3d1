//! Work of the platform is authorised like all other work: whoever lacks the permission is refused before anything is
//! read or written.

use access::{Caller, Permission, Role};
use auth::{
    commands::{CreateOrganisation, TendSigningKeys},
    credentials::{PasswordHash, generate},
    domain::{Email, Name, Schedule, TimeZone},
    queries::FindAccount,
};
use kernel::{Currency, OrganisationId, Slug, UserId};
use mediator::{IdempotencyKey, Once, Platform, Scope, SendError};
use serde_json::json;

use crate::world::{CALM, PASSWORD, World, credentials, organisation};

/// The permission that the caller lacked, if one was lacking.
fn lacking<T>(outcome: Result<T, SendError<auth::error::Error>>) -> Option<Permission> {
    match outcome {
        Ok(_) => None,
        Err(SendError::Forbidden { permission }) => Some(permission),
        Err(other) => panic!("{other}"),
    }
}

fn creation(slug: &str) -> CreateOrganisation {
    CreateOrganisation {
        organisation: OrganisationId::new(),
        slug: Slug::parse(slug).unwrap(),
        name: Name::parse("Chairs Ltd").unwrap(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: TimeZone::default(),
        owner: UserId::new(),
        known_owner: None,
        email: Email::parse(&format!("bob@{slug}.example")).unwrap(),
        owner_name: Name::parse("Bob").unwrap(),
        password: PasswordHash::stored("$argon2id$of-nobody".to_owned()),
    }
}

/// What a caller lacks for each command and query of the platform: to create an organisation, also under a key, to tend
/// the keys, to find an account.
async fn refusals(world: &World, caller: Caller, slug: &str) -> [Option<Permission>; 4] {
    let (mediator, scope) = (world.mediator(), Scope::<Platform>::platform(caller));
    let once = Once { key: IdempotencyKey::parse(slug).unwrap(), request_digest: Once::digest(&[slug.as_bytes()]) };
    let overdue = Schedule { signs_for: std::time::Duration::ZERO, ..CALM };
    let tend = TendSigningKeys { candidate: generate(&credentials().seal).unwrap(), schedule: overdue };
    let find = FindAccount::ByEmail(Email::parse("ana@lamps.example").unwrap());
    [
        lacking(mediator.send(&scope, creation(&format!("{slug}-plain"))).await),
        lacking(mediator.send_once(&scope, once, creation(&format!("{slug}-once"))).await),
        lacking(mediator.send(&scope, tend).await),
        lacking(mediator.ask(&scope, find).await),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_command_without_permission_is_refused_and_changes_nothing() {
    const SET_UP: Option<Permission> = Some(Permission::SetUp);
    const SYSTEM: Option<Permission> = Some(Permission::System);
    const SIGN_IN: Option<Permission> = Some(Permission::SignIn);
    let world = World::quiet().await;
    let created = world.create("lamps").await;
    let lamps: OrganisationId = created["organisation"]["id"].as_str().unwrap().parse().unwrap();
    let root = world.scene.superuser().await;
    let stored = async || -> Vec<i64> {
        let count = "select (select count(*) from organisations), (select count(*) from people),
                            (select count(*) from signing_keys), (select count(*) from replays)";
        let row = root.query_one(count, &[]).await.unwrap();
        (0..4).map(|column| row.get(column)).collect()
    };
    let before = stored().await;
    assert_eq!(before, [1, 1, 1, 1]);

    // Not even an owner of the organisation that is asked about may do the platform's work.
    let owner = testkit::someone(lamps, &[Role::Owner]).caller();
    for (slug, caller) in [("by-staff", owner), ("by-shopper", Caller::Shopper { organisation: lamps })] {
        assert_eq!(refusals(&world, caller, slug).await, [SET_UP, SET_UP, SYSTEM, SIGN_IN], "{slug}");
    }
    assert_eq!(stored().await, before, "a refused command left something behind");

    assert_eq!(refusals(&world, Caller::Visitor, "by-visitor").await, [None, None, SYSTEM, None]);
    assert_eq!(stored().await, [3, 3, 1, 2], "a visitor creates two organisations and no key");
    // As if the broker had the announcement of the first key; before that no key succeeds it.
    root.execute("delete from outbox", &[]).await.unwrap();
    assert_eq!(refusals(&world, Caller::System { part: "auth" }, "by-system").await, [None; 4]);
    assert_eq!(stored().await, [5, 5, 2, 3], "the system may do everything");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_opens_nothing_of_the_platform() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let (_, session) = world.log_in("lamps", PASSWORD).await;
    let owner = world.bearer(0, session["access_token"].as_str());
    let create = async |client: &testkit::Client| {
        let (status, problem) = client.post("/auth/v1/organisations", &organisation("chairs")).await;
        (status, problem["type"].clone())
    };
    assert_eq!(create(&owner).await, (401, json!("/problems/unauthenticated")), "without the setup token");
    let wrong = owner.with("x-setup-token", "setup-token-of-another-one");
    assert_eq!(create(&wrong).await, (403, json!("/problems/setup-refused")), "with a wrong one");
    assert_eq!(world.log_in("chairs", PASSWORD).await.0, 401, "nothing was created");
    world.stop().await;
}
