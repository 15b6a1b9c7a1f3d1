//! Members of an organisation: invited, given roles, removed; and roles of the organisation's own.

use contracts::{Channel, auth::MembershipState, topics};
use serde_json::{Value, json};
use testkit::{Client, eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World};

const MEMBERS: &str = "/admin/v1/members";
const INVITATIONS: &str = "/admin/v1/invitations";
const ROLES: &str = "/admin/v1/roles";

/// The member with this address.
async fn member(client: &Client, email: &str) -> Value {
    let (status, members) = client.get(MEMBERS).await;
    assert_eq!(status, 200, "{members}");
    let found = members["items"].as_array().unwrap().iter().find(|member| member["email"] == email);
    found.unwrap_or_else(|| panic!("no {email} in {members}")).clone()
}

fn path(member: &Value) -> String {
    format!("{MEMBERS}/{}", member["id"].as_str().unwrap())
}

async fn give(client: &Client, member: &Value, roles: &[&str]) -> (u16, Value) {
    let seen = client.clone().with("if-match", &format!("\"{}\"", member["version"]));
    seen.patch(&path(member), &json!({"roles": roles})).await
}

/// The published memberships, oldest first.
async fn published(world: &World, count: usize) -> Vec<MembershipState> {
    let records = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::MEMBERSHIP.name).await;
        if records.len() >= count { Some(records) } else { None }
    })
    .await;
    records
        .iter()
        .map(|record| {
            MembershipState::decode(record.header("ce_type").unwrap(), record.payload.as_deref().unwrap()).unwrap()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_is_invited_joins_once_with_the_promised_roles() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let keyed = owner.clone().with("idempotency-key", "invite-bob");
    let body = json!({"email": "Bob@Lamps.example", "roles": ["viewer"]});
    let first = keyed.post_reply(INVITATIONS, &body).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = keyed.post_reply(INVITATIONS, &body).await;
    assert_eq!((again.status, again.json()), (201, first.json()), "a repeat shows the same token");
    let (sent, token) = (first.json(), first.json()["token"].clone());
    assert_eq!(sent["invitation"]["email"], "bob@lamps.example");
    let root = world.scene.superuser().await;
    for table in ["invitations", "replays"] {
        for row in root.query(&format!("select t::text from {table} t"), &[]).await.unwrap() {
            assert!(!row.get::<_, String>(0).contains(token.as_str().unwrap()), "{table} has the token");
        }
    }
    let (status, problem) = owner.post(INVITATIONS, &body).await;
    assert_eq!((status, problem_fields(&problem)), (409, vec!["email"]), "{problem}");

    let genuine = token.as_str().unwrap();
    let other = if &genuine[50..51] == "A" { "B" } else { "A" };
    for made_up in ["cs_inv_x".to_owned(), format!("{}{other}{}", &genuine[..50], &genuine[51..])] {
        let (status, problem) = world.accept(&json!(made_up), PASSWORD).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/token-refused")), "{problem}");
    }
    let (status, problem) = world.accept(&token, "passwordpassword").await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{problem}");
    let (status, tokens) = world.accept(&token, PASSWORD).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(world.accept(&token, PASSWORD).await.0, 422, "it is used up");
    let bob = world.as_bearer(&tokens);
    assert_eq!(bob.get("/auth/v1/me").await.1["user"]["roles"], json!(["viewer"]));
    let (status, problem) = bob.get(MEMBERS).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/forbidden")), "{problem}");
    let (status, problem) = owner.post(INVITATIONS, &body).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/already-in-organisation")), "{problem}");

    let states = published(&world, 2).await;
    assert_eq!(
        (states[1].roles.as_slice(), states[1].active, states[1].version),
        (&["viewer".to_owned()][..], true, 1)
    );
    let issued = world.scene.read(topics::INVITATION.name).await;
    assert_eq!(issued.len(), 1);
    assert!(String::from_utf8_lossy(issued[0].payload.as_deref().unwrap()).contains(token.as_str().unwrap()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_sent_again_with_another_token_and_taken_back() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, sent) = owner.post(INVITATIONS, &json!({"email": "bob@lamps.example", "roles": ["viewer"]})).await;
    let at = |action: &str| format!("{INVITATIONS}/{}/{action}", sent["invitation"]["id"].as_str().unwrap());
    let (status, resent) = owner.post(&at("resend"), &json!({})).await;
    assert_eq!((status, &resent["invitation"]["version"]), (200, &json!(2)), "{resent}");
    assert_ne!(resent["token"], sent["token"]);
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 422, "the former one");
    let (status, revoked) = owner.post(&at("revoke"), &json!({})).await;
    assert_eq!(status, 200, "{revoked}");
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(world.accept(&resent["token"], PASSWORD).await.0, 422);
    for action in ["resend", "revoke"] {
        let (status, problem) = owner.post(&at(action), &json!({})).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/already-over")), "{problem}");
    }
    let (_, sent) = owner.post(INVITATIONS, &json!({"email": "bob@lamps.example", "roles": ["viewer"]})).await;
    let root = world.scene.superuser().await;
    root.batch_execute("update invitations set expires_at = now()").await.unwrap();
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 422, "it has expired");
    assert_eq!(owner.get(INVITATIONS).await.1["items"].as_array().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_an_account_accepts_with_its_password() {
    let world = World::quiet().await;
    world.create("lamps").await;
    world.create("chairs").await;
    let chairs = world.owner("chairs").await;
    let (_, sent) = chairs.post(INVITATIONS, &json!({"email": "ana@lamps.example", "roles": ["admin"]})).await;
    let (status, problem) = world.accept(&sent["token"], "incorrect horse battery staple").await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("has an account"), "{problem}");
    let (status, tokens) = world.accept(&sent["token"], PASSWORD).await;
    assert_eq!(status, 200, "{tokens}");
    let (_, me) = world.as_bearer(&tokens).get("/auth/v1/me").await;
    assert_eq!((&me["organisation"]["slug"], &me["user"]["name"]), (&json!("chairs"), &json!("Ana")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_grants_or_takes_away_more_than_they_have() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let admin = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["admin"]).await);
    world.join(&owner, "eve@lamps.example", &["viewer"]).await;
    let (ana, eve) = (member(&admin, "ana@lamps.example").await, member(&admin, "eve@lamps.example").await);
    let beyond = json!("/problems/beyond-own-permissions");
    for (status, problem) in [
        give(&admin, &eve, &["owner"]).await,
        give(&admin, &ana, &["viewer"]).await,
        admin.post(&format!("{}/remove", path(&ana)), &json!({})).await,
        admin.post(INVITATIONS, &json!({"email": "x@lamps.example", "roles": ["owner"]})).await,
    ] {
        assert_eq!((status, &problem["type"]), (403, &beyond), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("owner:manage"), "{problem}");
    }
    let (_, sent) = owner.post(INVITATIONS, &json!({"email": "x@lamps.example", "roles": ["owner"]})).await;
    for action in ["resend", "revoke"] {
        let at = format!("{INVITATIONS}/{}/{action}", sent["invitation"]["id"].as_str().unwrap());
        let (status, problem) = admin.post(&at, &json!({})).await;
        assert_eq!((status, &problem["type"]), (403, &beyond), "whoever sees the token could accept it: {problem}");
    }
    let (status, changed) = give(&admin, &eve, &["order-manager", "catalog-manager"]).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    let (status, problem) = give(&admin, &eve, &["viewer"]).await;
    assert_eq!((status, &problem["current_version"]), (412, &json!(2)), "the version that was seen is gone: {problem}");
    assert_eq!(owner.patch(&path(&eve), &json!({"roles": ["viewer"]})).await.0, 428);
    for roles in [json!([]), json!(["Not A Role"]), json!("viewer"), json!(vec!["viewer"; 9])] {
        let seen = owner.clone().with("if-match", "*");
        let (status, problem) = seen.patch(&path(&eve), &json!({"roles": roles})).await;
        assert_eq!(status, 422, "{roles}: {problem}");
        assert!(problem_fields(&problem)[0].starts_with("roles"), "{problem}");
    }
    let (status, problem) = give(&owner, &changed, &["packers"]).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["roles"]), "there is no such role: {problem}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_owner_stays_however_many_leave_at_once() {
    let world = World::of_two().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (status, problem) = owner.post("/auth/v1/memberships/leave", &json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/last-owner")), "{problem}");
    let ana = member(&owner, "ana@lamps.example").await;
    assert_eq!(give(&owner, &ana, &["admin"]).await.0, 409);
    let mut owners = vec![owner];
    for name in ["bob", "cid", "dan"] {
        let tokens = world.join(&owners[0], &format!("{name}@lamps.example"), &["owner"]).await;
        owners.push(world.bearer(1, tokens["access_token"].as_str()));
    }
    let leaving = owners.iter().map(|owner| {
        let owner = owner.clone();
        tokio::spawn(async move { owner.post("/auth/v1/memberships/leave", &json!({})).await.0 })
    });
    let mut answers = Vec::new();
    for leaving in leaving.collect::<Vec<_>>() {
        answers.push(leaving.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 200, 409]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_removed_is_out_and_may_be_invited_again() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let bob = world.join(&owner, "bob@lamps.example", &["viewer"]).await;
    let at = path(&member(&owner, "bob@lamps.example").await);
    assert_eq!(owner.post(&format!("{at}/remove"), &json!({})).await.0, 200);
    assert_eq!(owner.post(&format!("{at}/remove"), &json!({})).await.0, 404);
    assert_eq!(owner.get(&at).await.0, 404);
    let refresh = json!({"refresh_token": bob["refresh_token"]});
    let (status, problem) = world.visitor().post("/auth/v1/refresh", &refresh).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/not-a-member")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("invitation"), "there is no other one to turn to: {problem}");
    assert_eq!(world.visitor().post("/auth/v1/refresh", &refresh).await.0, 403, "nothing was used up");
    let login = json!({"organisation": "lamps", "email": "bob@lamps.example", "password": PASSWORD});
    assert_eq!(world.visitor().post("/auth/v1/login", &login).await.0, 401);
    let anywhere = json!({"email": "bob@lamps.example", "password": PASSWORD});
    let (status, problem) = world.visitor().post("/auth/v1/login", &anywhere).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/not-a-member")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("invitation"), "{problem}");
    world.join(&owner, "bob@lamps.example", &["catalog-manager"]).await;
    assert_eq!(world.visitor().post("/auth/v1/login", &login).await.0, 200);

    let states = published(&world, 4).await;
    let of_bob: Vec<_> = states[1..].iter().map(|state| (state.version, state.active)).collect();
    assert_eq!(of_bob, [(1, true), (2, false), (3, true)], "one membership in three versions");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_of_its_own_changes_for_everybody_who_has_it_and_stays_while_somebody_does() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let packers = json!({"name": "packers", "permissions": ["order:read", "stock:adjust"]});
    let (status, role) = owner.post(ROLES, &packers).await;
    assert_eq!((status, &role["version"]), (201, &json!(1)), "{role}");
    assert_eq!(owner.post(ROLES, &packers).await.1["type"], "/problems/role-taken");
    for (name, permissions) in [
        ("viewer", json!(["order:read"])),
        ("Packers", json!(["order:read"])),
        ("p", json!([])),
        ("p", json!(["order:eat"])),
        ("p", json!(["owner:manage"])),
        ("p", json!(["system:act"])),
    ] {
        let (status, problem) = owner.post(ROLES, &json!({"name": name, "permissions": permissions})).await;
        assert_eq!(status, 422, "{name} {permissions}: {problem}");
    }
    let bob = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["packers", "viewer"]).await);
    let admin = world.as_bearer(&world.join(&owner, "cid@lamps.example", &["admin"]).await);
    assert_eq!(bob.get(ROLES).await.0, 403);

    let at = format!("{ROLES}/packers");
    let change = |version: i64| admin.clone().with("if-match", &format!("\"{version}\""));
    let (status, changed) = change(1).patch(&at, &json!({"permissions": ["order:read", "order:write"]})).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    let now = member(&owner, "bob@lamps.example").await;
    assert_eq!(now["version"], 2, "the member's tokens are outdated");
    let permissions = now["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("order:write")) && !permissions.contains(&json!("stock:adjust")), "{now}");
    assert_eq!(change(1).patch(&at, &json!({"permissions": ["order:read"]})).await.0, 412);
    let states = published(&world, 4).await;
    assert_eq!((states[3].version, states[3].permissions.contains(&"order:write".to_owned())), (2, true));

    let delete = format!("{at}/delete");
    let (status, problem) = owner.post(&delete, &json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/role-in-use")), "{problem}");
    assert_eq!(give(&owner, &now, &["viewer"]).await.0, 200);
    owner.post(INVITATIONS, &json!({"email": "dan@lamps.example", "roles": ["packers"]})).await;
    assert_eq!(owner.post(&delete, &json!({})).await.0, 409, "an invitation promises it");
    let root = world.scene.superuser().await;
    root.batch_execute("update invitations set revoked_at = now() where accepted_at is null").await.unwrap();
    assert_eq!(owner.post(&delete, &json!({})).await.0, 200);
    assert_eq!(owner.get(&at).await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_says_where_it_is_and_whose_clock_counts() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, before) = owner.get("/admin/v1/organisation").await;
    assert_eq!((&before["time_zone"], &before["country"]), (&json!("UTC"), &json!(null)), "{before}");
    let change = owner.clone().with("if-match", "\"1\"");
    let body = json!({"name": "Đèn Việt", "country": "vn", "time_zone": "Asia/Ho_Chi_Minh"});
    let (status, after) = change.patch("/admin/v1/organisation", &body).await;
    assert_eq!((status, &after["version"]), (200, &json!(2)), "{after}");
    assert_eq!((&after["name"], &after["country"]), (&json!("Đèn Việt"), &json!("VN")));
    let wrong = json!({"name": "\u{7}", "country": "XX", "time_zone": "Mars/Base"});
    let (status, problem) = change.patch("/admin/v1/organisation", &wrong).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["country", "name", "time_zone"]), "{problem}");
    let states = eventually(PATIENCE, async || {
        let records = world.scene.read(topics::ORGANISATION.name).await;
        if records.len() == 2 { Some(records) } else { None }
    })
    .await;
    let body = String::from_utf8_lossy(states[1].payload.as_deref().unwrap()).into_owned();
    assert!(body.contains("Asia/Ho_Chi_Minh") && body.contains("\"VN\""), "{body}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_from_before_a_demotion_gives_nothing_back() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let admin = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["admin"]).await);
    let bob = member(&owner, "bob@lamps.example").await;
    let (status, _) = give(&owner, &bob, &["viewer"]).await;
    assert_eq!(status, 200);
    // Past the gateway, which would refuse the outdated token.
    let any = admin.clone().with("if-match", "*");
    for (status, problem) in [
        any.patch(&path(&bob), &json!({"roles": ["admin"]})).await,
        admin.post(INVITATIONS, &json!({"email": "x@lamps.example", "roles": ["viewer"]})).await,
        admin.post(ROLES, &json!({"name": "mine", "permissions": ["product:read"]})).await,
        admin.post("/admin/v1/api-keys", &json!({"name": "mine", "permissions": ["product:read"]})).await,
    ] {
        assert_eq!((status, &problem["type"]), (403, &json!("/problems/beyond-own-permissions")), "{problem}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_whose_former_role_is_gone_may_come_back() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    assert_eq!(owner.post(ROLES, &json!({"name": "packers", "permissions": ["order:read"]})).await.0, 201);
    world.join(&owner, "bob@lamps.example", &["packers"]).await;
    let at = path(&member(&owner, "bob@lamps.example").await);
    assert_eq!(owner.post(&format!("{at}/remove"), &json!({})).await.0, 200);
    assert_eq!(owner.post(&format!("{ROLES}/packers/delete"), &json!({})).await.0, 200);
    world.join(&owner, "bob@lamps.example", &["viewer"]).await;
    assert_eq!(member(&owner, "bob@lamps.example").await["roles"], json!(["viewer"]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_roles_that_somebody_has_already_outdate_no_token() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let ana = member(&owner, "ana@lamps.example").await;
    assert_eq!(give(&owner, &ana, &["owner"]).await.0, 200);
    assert_eq!(member(&owner, "ana@lamps.example").await["version"], ana["version"]);
    let role = json!({"name": "packers", "permissions": ["product:read"]});
    let (_, made) = owner.post("/admin/v1/roles", &role).await;
    let same = json!({"permissions": ["product:read"]});
    let changes = owner.clone().with("if-match", "*");
    assert_eq!(changes.patch("/admin/v1/roles/packers", &same).await, (200, made));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_manages_members_without_seeing_them_is_told_what_they_did() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let managers = json!({"name": "managers", "permissions": ["member:manage", "product:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &managers).await.0, 201);
    let packers = json!({"name": "packers", "permissions": ["product:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &packers).await.0, 201);
    let manager = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["managers"]).await);
    world.join(&owner, "eve@lamps.example", &["packers"]).await;
    let eve = member(&owner, "eve@lamps.example").await;
    assert_eq!(manager.get(&path(&eve)).await.0, 403, "the others are not theirs to see");
    let (status, changed) = give(&manager, &eve, &["managers"]).await;
    assert_eq!((status, &changed["roles"]), (200, &json!(["managers"])), "{changed}");
    let keyed = manager.clone().with("idempotency-key", "the-key");
    let invited = json!({"email": "x@lamps.example", "roles": ["packers"]});
    let first = keyed.post_reply(INVITATIONS, &invited).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(keyed.post_reply(INVITATIONS, &invited).await.json(), first.json(), "a repeat gets the same");
    let location = first.header("location").unwrap();
    assert_eq!(owner.get(location).await, (200, first.json()["invitation"].clone()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_accepts_without_an_account_says_their_name() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let (_, sent) = owner.post(INVITATIONS, &json!({"email": "bert@lamps.example", "roles": ["viewer"]})).await;
    let nameless = json!({"token": sent["token"], "password": PASSWORD});
    let (status, problem) = world.visitor().post("/auth/v1/invitations/accept", &nameless).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["name"]), "{problem}");
    assert_eq!(world.accept(&sent["token"], PASSWORD).await.0, 200, "nothing was used up");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_invitations_of_whoever_may_not_invite_any_more_end_with_that() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let owner = world.owner("lamps").await;
    let invite = async |inviter: &testkit::Client, email: &str, role: &str| {
        inviter.post(INVITATIONS, &json!({"email": email, "roles": [role]})).await.1
    };
    let bob = world.as_bearer(&world.join(&owner, "bob@lamps.example", &["admin"]).await);
    let (sock, plain) = (invite(&bob, "sock@x.example", "admin").await, invite(&bob, "dan@x.example", "viewer").await);
    let resent = invite(&bob, "eve@x.example", "admin").await;
    let at = format!("{INVITATIONS}/{}/resend", resent["invitation"]["id"].as_str().unwrap());
    let (_, resent) = owner.post(&at, &json!({})).await;
    let place = member(&owner, "bob@lamps.example").await;
    assert_eq!(owner.post(&format!("{}/remove", path(&place)), &json!({})).await.0, 200);
    for sent in [&sock, &plain] {
        let (status, problem) = world.accept(&sent["token"], PASSWORD).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/token-refused")), "{problem}");
    }
    assert_eq!(world.accept(&resent["token"], PASSWORD).await.0, 200, "the owner answers for it");

    let cid = world.as_bearer(&world.join(&owner, "cid@lamps.example", &["admin"]).await);
    let (beyond, within) =
        (invite(&cid, "fay@x.example", "admin").await, invite(&cid, "gil@x.example", "viewer").await);
    let role = json!({"name": "greeters", "permissions": ["member:manage", "product:read", "category:read", "order:read",
        "organisation:read"]});
    assert_eq!(owner.post("/admin/v1/roles", &role).await.0, 201);
    assert_eq!(give(&owner, &member(&owner, "cid@lamps.example").await, &["greeters"]).await.0, 200);
    assert_eq!(world.accept(&beyond["token"], PASSWORD).await.0, 422);
    assert_eq!(world.accept(&within["token"], PASSWORD).await.0, 200, "that much may still be promised");
    world.stop().await;
}
