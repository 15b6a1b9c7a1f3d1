//! API keys: made, shown once, exchanged, revoked.

use access::Caller;
use contracts::{Channel, auth::ApiKeyState, topics};
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World};

const KEYS: &str = "/admin/v1/api-keys";
const EXCHANGE: &str = "/auth/v1/api-keys/token";

async fn exchange(world: &World, secret: &Value) -> (u16, Value) {
    world.visitor().post(EXCHANGE, &json!({"api_key": secret})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_shown_once_stored_as_a_hash_and_exchanged_for_a_token_with_its_scopes() {
    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    let owner = world.owner("lamps").await.with("idempotency-key", "the-key");
    let body =
        json!({"name": "Warehouse", "permissions": ["stock:adjust", "product:read"], "networks": ["203.0.113.0/24"]});
    let first = owner.post_reply(KEYS, &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(owner.post_reply(KEYS, &body).await.json(), first.json(), "a repeat shows the same key");
    let made = first.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("cs_live_") && secret.len() == 78, "{secret}");

    let root = world.scene.superuser().await;
    for table in ["api_keys", "replays", "outbox"] {
        for row in root.query(&format!("select t::text from {table} t"), &[]).await.unwrap() {
            assert!(!row.get::<_, String>(0).contains(&secret[35..]), "{table} has the secret");
        }
    }
    let (_, listed) = owner.get(KEYS).await;
    assert!(!listed.to_string().contains("secret") && listed["items"][0]["last_used_at"].is_null(), "{listed}");

    let (status, token) = exchange(&world, &made["secret"]).await;
    assert_eq!((status, &token["expires_in"]), (200, &json!(600)), "{token}");
    let verified = world.verifier().await.verify(token["access_token"].as_str().unwrap()).unwrap();
    let Caller::Integration { key, organisation, permissions } = verified.caller() else { panic!("a program") };
    assert_eq!(made["key"]["id"], json!(key));
    assert_eq!(created["organisation"]["id"], json!(organisation));
    assert_eq!(permissions.to_string(), "product:read stock:adjust");
    assert!(owner.get(KEYS).await.1["items"][0]["last_used_at"].is_string());
    let program = world.as_bearer(&token);
    assert_eq!(program.get("/auth/v1/sessions").await.0, 403, "a program has no account");
    assert_eq!(program.get(KEYS).await.0, 403, "nor what its key does not allow");

    let records = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::API_KEY.name).await;
        if records.is_empty() { None } else { Some(records) }
    })
    .await;
    let state =
        ApiKeyState::decode(records[0].header("ce_type").unwrap(), records[0].payload.as_deref().unwrap()).unwrap();
    assert!(state.revoked_at.is_none() && state.networks == ["203.0.113.0/24"]);
    let presented = access::PresentedKey::parse(secret).unwrap();
    assert_eq!(presented.key(), state.key);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_revoked_or_expired_key_is_refused_in_the_same_words() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let make = async |name: &str| {
        let (status, made) = owner.post(KEYS, &json!({"name": name, "permissions": ["order:read"]})).await;
        assert_eq!(status, 201, "{made}");
        made
    };
    let (revoked, expired, good) = (make("a").await, make("b").await, make("c").await);
    let revoke = format!("{KEYS}/{}/revoke", revoked["key"]["id"].as_str().unwrap());
    assert!(owner.post(&revoke, &json!({})).await.1["revoked_at"].is_string());
    assert_eq!(owner.post(&revoke, &json!({})).await.1["type"], "/problems/already-over");
    let root = world.scene.superuser().await;
    let past = "update api_keys set expires_at = now() - interval '1 second' where name = 'b'";
    root.batch_execute(past).await.unwrap();
    let secret = good["secret"].as_str().unwrap();
    let other = if &secret[60..61] == "A" { "B" } else { "A" };
    let wrong = json!(format!("{}{other}{}", &secret[..60], &secret[61..]));
    let unknown = json!(secret.replace("cs_live_0", "cs_live_1"));
    let mut seen = Vec::new();
    for refused in [&revoked["secret"], &expired["secret"], &wrong, &unknown, &json!("x")] {
        let (status, mut problem) = exchange(&world, refused).await;
        for name in ["request_id", "trace_id"] {
            problem.as_object_mut().unwrap().remove(name);
        }
        seen.push((status, problem));
    }
    assert_eq!(seen[0].1["type"], "/problems/api-key-refused");
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(exchange(&world, &good["secret"]).await.0, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_allows_no_more_than_its_maker_may() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let makers = json!({"name": "key-makers", "permissions": ["apikey:manage", "order:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &makers).await.0, 201);
    let maker = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["key-makers"]).await);
    let make = async |permissions: Value| maker.post(KEYS, &json!({"name": "x", "permissions": permissions})).await;
    assert_eq!(make(json!(["order:read"])).await.0, 201);
    let (status, problem) = make(json!(["order:read", "order:write"])).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/beyond-own-permissions")), "{problem}");
    let bad = json!({"name": "", "permissions": ["owner:manage"], "networks": ["everywhere"]});
    let (status, problem) = owner.post(KEYS, &bad).await;
    let fields = problem_fields(&problem);
    assert_eq!(status, 422, "{problem}");
    assert!(["name", "permissions[0]", "networks[0]"].iter().all(|field| fields.contains(field)), "{problem}");
    let (_, problem) = owner.post(KEYS, &json!({"name": "x", "permissions": vec!["x"; 9_000]})).await;
    assert_eq!(problem_fields(&problem).len(), 50, "a long list of nonsense gets no longer answer");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_a_key_makes_goes_nowhere_that_its_maker_does_not() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let days = |number: u64| json!(kernel::Clock::now() + std::time::Duration::from_secs(number * 86_400));
    let of_maker = json!({
        "name": "Maker", "permissions": ["apikey:manage", "order:read"],
        "networks": ["127.0.0.0/8", "10.0.0.0/8"], "expires_at": days(100),
    });
    let (_, maker) = owner.post(KEYS, &of_maker).await;
    let (status, tokens) = exchange(&world, &maker["secret"]).await;
    assert_eq!(status, 200, "{tokens}");
    let maker = world.as_bearer(&tokens);
    let make = async |more: Value| {
        let mut body = json!({"name": "x", "permissions": ["order:read"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        maker.post(KEYS, &body).await
    };
    let (status, made) = make(json!({})).await;
    assert_eq!(status, 201, "{made}");
    let key = &made["key"];
    assert_eq!((&key["networks"], &key["expires_at"]), (&of_maker["networks"], &of_maker["expires_at"]), "inherited");
    assert_eq!(make(json!({"networks": ["10.1.0.0/16"], "expires_at": days(99)})).await.0, 201);
    let beyond = [
        ("networks", json!({"networks": ["10.1.0.0/16", "0.0.0.0/0"]})),
        ("expires_at", json!({"expires_at": days(101)})),
        ("expires_at", json!({"expires_at": "2001-01-01T00:00:00Z"})),
    ];
    for (field, more) in beyond {
        let (status, problem) = make(more).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec![field]), "{problem}");
    }
    // The access token still counts, the key does not.
    let past = "update api_keys set expires_at = now() - interval '1 second' where name = 'Maker'";
    world.scene.superuser().await.batch_execute(past).await.unwrap();
    let (status, problem) = make(json!({})).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/beyond-own-permissions")), "{problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_replaces_another_one_has_another_secret_even_under_the_same_idempotency_key() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await.with("idempotency-key", "warehouse");
    let body = json!({"name": "Warehouse", "permissions": ["order:read"]});
    let (_, first) = owner.post(KEYS, &body).await;
    // As after a day, when the recorded reply is past its time.
    world.scene.superuser().await.batch_execute("delete from replays").await.unwrap();
    let (status, second) = owner.post(KEYS, &body).await;
    assert_eq!(status, 201, "{second}");
    let secret = |made: &Value| made["secret"].as_str().unwrap()[35..].to_owned();
    assert_ne!(secret(&first), secret(&second));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_long_over_is_taken_back_from_the_gateways() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let mut keys = Vec::new();
    for name in ["revoked", "expired", "live"] {
        let (_, made) = owner.post(KEYS, &json!({"name": name, "permissions": ["order:read"]})).await;
        keys.push(made["key"]["id"].as_str().unwrap().to_owned());
    }
    let withdraw = auth::commands::WithdrawApiKeys { kept: std::time::Duration::from_secs(660) };
    let system = mediator::Scope::platform_system(auth::NAME);
    assert_eq!(owner.post(&format!("{KEYS}/{}/revoke", keys[0]), &json!({})).await.0, 200);
    assert_eq!(world.mediator().send(&system, withdraw.clone()).await.unwrap(), 0, "its tokens may be valid");
    let over = "update api_keys set revoked_at = now() - interval '1 hour' where name = 'revoked';
                update api_keys set expires_at = now() - interval '1 hour' where name = 'expired'";
    world.scene.superuser().await.batch_execute(over).await.unwrap();
    assert_eq!(world.mediator().send(&system, withdraw.clone()).await.unwrap(), 2);
    assert_eq!(world.mediator().send(&system, withdraw).await.unwrap(), 0);
    let gone = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::API_KEY.name).await;
        let gone = records.iter().filter(|record| record.payload.is_none()).count();
        if gone == 2 { Some(gone) } else { None }
    })
    .await;
    assert_eq!(gone, 2);
    assert_eq!(owner.get(KEYS).await.1["items"].as_array().unwrap().len(), 3, "the organisation still sees them");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_creation_shows_no_secret_that_has_ended_since() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let keyed = owner.clone().with("idempotency-key", "the-key");
    let body = json!({"name": "x", "permissions": ["order:read"]});
    let (_, made) = keyed.post(KEYS, &body).await;
    let revoke = format!("{KEYS}/{}/revoke", made["key"]["id"].as_str().unwrap());
    assert_eq!(owner.post(&revoke, &json!({})).await.0, 200);
    let guest = json!({"email": "bob@lamps.example", "roles": ["viewer"]});
    let (_, sent) = keyed.post("/admin/v1/invitations", &guest).await;
    assert_eq!(keyed.post("/admin/v1/invitations", &guest).await.1, sent);
    let resend = format!("/admin/v1/invitations/{}/resend", sent["invitation"]["id"].as_str().unwrap());
    assert_eq!(owner.post(&resend, &json!({})).await.0, 200);
    for (path, body) in [(KEYS, &body), ("/admin/v1/invitations", &guest)] {
        let (status, problem) = keyed.post(path, body).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/already-over")), "{problem}");
        assert!(!problem.to_string().contains("cs_"), "{problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_or_an_end_that_could_be_read_otherwise_is_refused_with_its_field() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let make = async |name: &str, value: Value| {
        let mut body = json!({"name": "x", "permissions": ["order:read"]});
        body[name] = value;
        owner.post(KEYS, &body).await
    };
    for network in ["10.0.0.0/08", "10.0.0.7/8", "::ffff:10.0.0.0/104"] {
        let (status, problem) = make("networks", json!([network])).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["networks[0]"]), "{network}: {problem}");
    }
    for end in ["+10000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2020-01-01T00:00:00Z"] {
        let (status, problem) = make("expires_at", json!(end)).await;
        assert_eq!((status, problem_fields(&problem)), (422, vec!["expires_at"]), "{end}: {problem}");
    }
    let soon = kernel::Clock::now() + std::time::Duration::from_secs(3_600);
    assert_eq!(make("expires_at", json!(soon)).await.0, 201);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_takes_along_what_was_made_with_it() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let makes = json!({"name": "x", "permissions": ["apikey:manage", "member:manage", "product:read"]});
    let program = async |secret: &Value| world.as_bearer(&exchange(&world, secret).await.1);
    let (_, leaked) = owner.post(KEYS, &makes).await;
    let (_, child) = program(&leaked["secret"]).await.post(KEYS, &makes).await;
    let (_, grandchild) = program(&child["secret"]).await.post(KEYS, &makes).await;
    let (_, other) = owner.post(KEYS, &makes).await;
    let packers = json!({"name": "packers", "permissions": ["product:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &packers).await.0, 201);
    let guest = json!({"email": "sock@x.example", "roles": ["packers"]});
    let (status, sent) = program(&child["secret"]).await.post("/admin/v1/invitations", &guest).await;
    assert_eq!(status, 201, "{sent}");
    let revoke = format!("{KEYS}/{}/revoke", leaked["key"]["id"].as_str().unwrap());
    assert_eq!(owner.post(&revoke, &json!({})).await.0, 200);
    for ended in [&leaked, &child, &grandchild] {
        assert_eq!(exchange(&world, &ended["secret"]).await.0, 401);
    }
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 422);
    assert_eq!(exchange(&world, &other["secret"]).await.0, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_bound_invites_nobody_who_would_not_be() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let soon = json!(kernel::Clock::now() + std::time::Duration::from_secs(3_600));
    let packers = json!({"name": "packers", "permissions": ["product:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &packers).await.0, 201);
    for (networks, expires_at, expected) in
        [(json!(["127.0.0.0/8"]), Value::Null, 403), (json!([]), soon, 403), (json!([]), Value::Null, 201)]
    {
        let body = json!({"name": "x", "permissions": ["member:manage", "product:read"], "networks": networks,
            "expires_at": expires_at});
        let (_, made) = owner.post(KEYS, &body).await;
        let program = world.as_bearer(&exchange(&world, &made["secret"]).await.1);
        let guest = json!({"email": "sock@x.example", "roles": ["packers"]});
        let (status, answer) = program.post("/admin/v1/invitations", &guest).await;
        assert_eq!(status, expected, "{body}: {answer}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_gateways_have_forgotten_is_not_told_to_them_again() {
    use auth::commands::WithdrawApiKeys;
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, made) = owner.post(KEYS, &json!({"name": "x", "permissions": ["order:read"]})).await;
    let root = world.scene.superuser().await;
    root.batch_execute("update api_keys set expires_at = now() - interval '1 hour'").await.unwrap();
    let system = mediator::Scope::platform_system("auth");
    let kept = std::time::Duration::from_secs(60);
    assert_eq!(world.mediator().send(&system, WithdrawApiKeys { kept }).await.unwrap(), 1);
    let revoke = format!("{KEYS}/{}/revoke", made["key"]["id"].as_str().unwrap());
    assert_eq!(owner.post(&revoke, &json!({})).await.0, 200);
    let (_, other) = owner.post(KEYS, &json!({"name": "y", "permissions": ["order:read"]})).await;
    let of = |key: &Value| key["key"]["id"].as_str().unwrap().parse::<kernel::ApiKeyId>().unwrap().uuid().to_string();
    let records = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::API_KEY.name).await;
        records.iter().any(|record| record.key_text() == of(&other)).then_some(records)
    })
    .await;
    let bodies: Vec<bool> =
        records.iter().filter(|record| record.key_text() == of(&made)).map(|record| record.payload.is_some()).collect();
    assert_eq!(bodies, [true, false], "made, and taken back");
    world.stop().await;
}
