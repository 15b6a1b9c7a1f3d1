//! Customers of a shop: their accounts, their tokens, and that they are nobody elsewhere.

use access::Caller;
use auth::{domain::Email, processes::passwords::request_reset};
use contracts::{
    Channel,
    auth::{CustomerAccountEvent, CustomerPasswordResetRequested},
    topics,
};
use kernel::Slug;
use mediator::Scope;
use serde_json::{Value, json};
use testkit::{eventually, problem_fields};

use crate::world::{CALM, PASSWORD, PATIENCE, World};

const NEW: &str = "quite another staple of horses";

fn at(shop: &str, rest: &str) -> String {
    format!("/store/v1/{shop}/customers{rest}")
}

async fn register(world: &World, shop: &str, email: &str) -> (u16, Value) {
    let body = json!({"email": email, "name": "Cleo", "password": PASSWORD});
    world.visitor().post(&at(shop, ""), &body).await
}

async fn log_in(world: &World, shop: &str, email: &str, password: &str) -> (u16, Value) {
    world.visitor().post(&at(shop, "/login"), &json!({"email": email, "password": password})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_registers_logs_in_and_is_somebody_in_that_shop_only() {
    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    world.create("chairs").await;
    let (status, tokens) = register(&world, "lamps", "Cleo@x.example").await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["organisation"], created["organisation"]["id"]);
    let verified = world.verifier().await.verify(tokens["access_token"].as_str().unwrap()).unwrap();
    let Caller::Customer { customer, .. } = verified.caller() else { panic!("a customer") };
    assert_eq!(tokens["customer"], json!(customer));

    let (status, problem) = register(&world, "lamps", "cleo@x.example").await;
    assert_eq!((status, problem_fields(&problem)), (409, vec!["email"]), "{problem}");
    assert_eq!(log_in(&world, "chairs", "cleo@x.example", PASSWORD).await.0, 401, "another shop's account");
    assert_eq!(register(&world, "chairs", "cleo@x.example").await.0, 200, "an address may have accounts in several");
    let (status, again) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    assert_eq!((status, &again["customer"]), (200, &tokens["customer"]), "{again}");

    let cleo = world.as_bearer(&tokens);
    let (status, me) = cleo.get(&at("lamps", "/me")).await;
    assert_eq!((status, &me["email"], &me["name"]), (200, &json!("cleo@x.example"), &json!("Cleo")), "{me}");
    assert_eq!(cleo.get(&at("chairs", "/me")).await.0, 403);
    for staff in ["/auth/v1/me", "/auth/v1/sessions", "/admin/v1/members", "/platform/v1/organisations"] {
        assert_eq!(cleo.get(staff).await.0, 403, "{staff}");
    }
    let owner = world.owner("lamps").await;
    assert_eq!(owner.get(&at("lamps", "/me")).await.0, 403, "the staff are no customers");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customers_session_is_refreshed_and_ends_as_one_of_the_staff_does() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let (_, tokens) = register(&world, "lamps", "cleo@x.example").await;
    let refresh = async |tokens: &Value| {
        world.visitor().post("/auth/v1/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await
    };
    let (status, next) = refresh(&tokens).await;
    assert_eq!((status, &next["customer"]), (200, &tokens["customer"]), "{next}");
    assert_eq!(world.as_bearer(&next).post(&at("lamps", "/logout"), &json!({})).await, (200, json!({"ended": 1})));
    assert_eq!(refresh(&next).await.0, 401);

    let (_, tokens) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    let (_, next) = refresh(&tokens).await;
    let root = world.scene.superuser().await;
    root.batch_execute("update sessions set rotated_at = rotated_at - interval '1 minute'").await.unwrap();
    assert_eq!(refresh(&tokens).await.0, 401);
    assert_eq!(refresh(&next).await.0, 401, "a used token came again");
    let (_, tokens) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    root.batch_execute("update organisations set active = false").await.unwrap();
    let (status, problem) = refresh(&tokens).await;
    let suspended = json!("/problems/organisation-suspended");
    assert_eq!((status, &problem["type"]), (403, &suspended), "a suspended shop lets nobody in: {problem}");
    assert_eq!(log_in(&world, "lamps", "cleo@x.example", PASSWORD).await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_a_customer_touch_no_account_of_that_address_elsewhere() {
    let world = World::quiet().await;
    world.create("lamps").await;
    register(&world, "lamps", "ana@lamps.example").await;
    for _ in 0..10 {
        assert_eq!(log_in(&world, "lamps", "ana@lamps.example", "incorrect horse battery staple").await.0, 401);
    }
    world.pause_guessers().await;
    assert_eq!(log_in(&world, "lamps", "ana@lamps.example", PASSWORD).await.0, 429);
    let elsewhere = world.visitor().with("x-forwarded-for", "198.51.100.7");
    let owner = crate::world::login("lamps", "ana@lamps.example", PASSWORD);
    assert_eq!(elsewhere.post("/auth/v1/login", &owner).await.0, 200, "the owner with the same address");
    let weak = json!({"email": "dan@x.example", "name": "Dan", "password": "lampslampslamps"});
    let (status, problem) = world.visitor().post(&at("lamps", ""), &weak).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{problem}");
    assert_eq!(register(&world, "nowhere", "cleo@x.example").await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_sees_and_ends_sessions_and_changes_the_password() {
    let world = World::connected(CALM).await;
    world.create("lamps").await;
    world.create("chairs").await;
    let (_, here) = register(&world, "lamps", "cleo@x.example").await;
    let (_, there) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    register(&world, "lamps", "dan@x.example").await;
    let cleo = world.as_bearer(&here);
    let (_, sessions) = cleo.get(&at("lamps", "/me/sessions")).await;
    let listed: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|item| &item["current"]).collect();
    assert_eq!((listed.len(), listed.contains(&&json!(true))), (2, true), "nobody else's: {sessions}");
    let end = |shop: &str, session: &Value| at(shop, &format!("/me/sessions/{}/end", session.as_str().unwrap()));
    assert_eq!(cleo.post(&end("chairs", &there["session"]), &json!({})).await.0, 403);
    assert_eq!(cleo.post(&end("lamps", &there["session"]), &json!({})).await, (200, json!({"ended": 1})));
    assert_eq!(cleo.post(&end("lamps", &there["session"]), &json!({})).await.0, 404, "it is over");

    let change = async |current: &str, new: &str| {
        cleo.post(&at("lamps", "/me/password"), &json!({"current_password": current, "password": new})).await
    };
    let (status, problem) = change("incorrect horse battery staple", NEW).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["current_password"]), "{problem}");
    assert_eq!(change(PASSWORD, "cleo-cleo-cleo").await.0, 422);
    let (_, other) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    assert_eq!(change(PASSWORD, NEW).await, (200, json!({"ended": 1})));
    let refresh = json!({"refresh_token": other["refresh_token"]});
    assert_eq!(world.visitor().post("/auth/v1/refresh", &refresh).await.0, 401);
    assert_eq!(log_in(&world, "lamps", "cleo@x.example", PASSWORD).await.0, 401);
    assert_eq!(log_in(&world, "lamps", "cleo@x.example", NEW).await.0, 200);
    assert_eq!(log_in(&world, "lamps", "dan@x.example", PASSWORD).await.0, 200, "nobody else's password");
    assert_eq!(cleo.post(&at("lamps", "/me/sessions/end-all"), &json!({})).await, (200, json!({"ended": 2})));
    let (_, again) = log_in(&world, "lamps", "cleo@x.example", NEW).await;
    let cleo = world.as_bearer(&again);
    for number in 0..10 {
        let guess = json!({"current_password": format!("wrong {number}"), "password": PASSWORD});
        assert_eq!(cleo.post(&at("lamps", "/me/password"), &guess).await.0, 422);
    }
    assert_eq!(world.pause_guessers().await, 1, "they count for this session");
    let right = json!({"current_password": NEW, "password": PASSWORD});
    assert_eq!(cleo.post(&at("lamps", "/me/password"), &right).await.0, 429);
    world.stop().await;
}

/// The reset that the mailer would deliver to a customer.
async fn delivered(world: &World) -> CustomerPasswordResetRequested {
    eventually(PATIENCE, async || {
        let records = world.scene.read(topics::CUSTOMER_ACCOUNT.name).await;
        records.iter().rev().find_map(|record| {
            let event = CustomerAccountEvent::decode(record.header("ce_type")?, record.payload.as_deref()?).ok()?;
            if let CustomerAccountEvent::CustomerPasswordResetRequested(reset) = event { Some(reset) } else { None }
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_forgot_the_password_chooses_another_one_in_that_shop_only() {
    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    world.create("chairs").await;
    let (_, session) = register(&world, "lamps", "cleo@x.example").await;
    register(&world, "chairs", "cleo@x.example").await;
    let ask = async |shop: &str, email: &str| {
        world.visitor().post(&at(shop, "/password-resets"), &json!({"email": email})).await
    };
    let unknown = ask("lamps", "nobody@x.example").await;
    assert_eq!(unknown.0, 200, "{}", unknown.1);
    assert_eq!(ask("lamps", "cleo@x.example").await, unknown, "the answer does not tell who has an account");
    assert_eq!(ask("nowhere", "cleo@x.example").await.0, 404);

    let reset = delivered(&world).await;
    assert_eq!((&json!(reset.organisation), reset.email.as_str()), (&created["organisation"]["id"], "cleo@x.example"));
    let redeem =
        async |path: &str, token: &str| world.visitor().post(path, &json!({"token": token, "password": NEW})).await;
    let token = reset.token.expose();
    let (here, there) = (at("lamps", "/password-resets/redeem"), at("chairs", "/password-resets/redeem"));
    for (path, token) in [(there.as_str(), token), ("/auth/v1/password-resets/redeem", token), (&here, "cs_cpwr_x_y")] {
        let (status, problem) = redeem(path, token).await;
        assert_eq!((status, &problem["type"]), (422, &json!("/problems/token-refused")), "{path}: {problem}");
    }
    assert_eq!(redeem(&here, token).await, (200, json!({"ended": 1})));
    assert_eq!(redeem(&here, token).await.0, 422, "it is used up");
    let refresh = json!({"refresh_token": session["refresh_token"]});
    assert_eq!(world.visitor().post("/auth/v1/refresh", &refresh).await.0, 401, "every session has ended");
    assert_eq!(log_in(&world, "lamps", "cleo@x.example", NEW).await.0, 200);
    assert_eq!(log_in(&world, "chairs", "cleo@x.example", PASSWORD).await.0, 200, "the other shop's account");
    // Whatever was asked for before has been done by then.
    let (visitor, nobody) = (Scope::platform(Caller::Visitor), Email::parse("nobody@x.example").unwrap());
    let shop = Some(Slug::parse("lamps").unwrap());
    request_reset(world.mediator(), &visitor, nobody, shop).await.unwrap();
    let records = world.scene.read(topics::CUSTOMER_ACCOUNT.name).await;
    let asked = records.iter().filter(|record| record.header("ce_type").unwrap().contains("requested")).count();
    assert_eq!(asked, 1, "nothing is sent to an address without account");
    world.stop().await;
}
