//! Who comes through.

use std::time::Duration;

use access::{Bearer, Grant, Role, Standing};
use gateway::routes::Service;
use kernel::Clock;
use reqwest::Method;
use testkit::{Client, Mint, someone};

use crate::fake::{Echo, received};
use crate::stage::{Gateway, behaviour};

#[tokio::test]
async fn admin_needs_a_valid_token_and_the_service_gets_that_very_token() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let token = gateway.token();
    let (status, seen) = Client::new(gateway.base(), Some(&token)).get("/admin/v1/products").await;
    assert_eq!(status, 200);
    assert_eq!(received(&seen, "authorization"), Some(format!("Bearer {token}").as_str()));
    assert_eq!(echo.count(), 1);

    let past = Clock::now() - Duration::from_secs(3_600);
    let (head, _) = token.rsplit_once('.').unwrap();
    let bad = [
        String::new(),
        "nonsense".to_owned(),
        format!("{head}."),
        format!("{head}.AAAA"),
        Mint::new().token(gateway.organisation, &[Role::Owner]),
        gateway.mint.token_at(gateway.organisation, &[Role::Owner], past, Duration::from_secs(600)),
        gateway.mint.sign(&serde_json::json!({ "sub": "x" })),
    ];
    for token in bad {
        let reply = Client::new(gateway.base(), None)
            .with("authorization", &format!("Bearer {token}"))
            .send(Method::GET, "/admin/v1/products", None)
            .await;
        assert_eq!(reply.status, 401, "{token}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{token}");
        assert_eq!(reply.json()["type"], "/problems/unauthenticated");
    }
    for scheme in ["Basic dTpw", "Token x", "Bearer"] {
        let client = Client::new(gateway.base(), None).with("authorization", scheme);
        assert_eq!(client.get("/admin/v1/products").await.0, 401, "{scheme}");
    }
    assert_eq!(gateway.anyone().get("/admin/v1/products").await.0, 401);
    assert_eq!(echo.count(), 1, "a refused request reached the service");
}

#[tokio::test]
async fn shop_and_login_need_no_token_and_the_shop_passes_on_a_bad_one_unseen() {
    let [auth, catalog] = ["auth", "catalog"].map(Echo::start);
    let gateway =
        Gateway::start(&[(Service::Auth, &[auth.address]), (Service::Catalog, &[catalog.address])], behaviour());
    assert_eq!(gateway.anyone().get("/store/v1/acme/products").await.0, 200);
    assert_eq!(gateway.anyone().post("/auth/v1/login", &serde_json::json!({})).await.0, 200);
    let (_, seen) = Client::new(gateway.base(), Some("bad")).get("/store/v1/acme/products").await;
    assert_eq!(received(&seen, "authorization"), Some("Bearer bad"));
}

#[tokio::test]
async fn a_token_ends_with_its_session_and_with_each_change_of_its_membership() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let grant = someone(gateway.organisation, &[Role::Owner]);
    let Bearer::Person { user, organisation, standing } = grant.bearer else { panic!("a person") };
    let issue = |version| {
        let bearer = Bearer::Person { user, organisation, standing: Standing { version, ..standing } };
        let claims = gateway.mint.claims(&Grant { bearer, ..grant }, Clock::now(), Duration::from_secs(600));
        Client::new(gateway.base(), Some(&gateway.mint.sign(&claims)))
    };
    let refused = async |client: &Client| {
        let reply = client.send(Method::GET, "/admin/v1/products", None).await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        reply.json()["detail"].as_str().unwrap().to_owned()
    };
    let (first, second) = (issue(1), issue(2));
    assert_eq!(first.get("/admin/v1/products").await.0, 200, "its membership is not known here yet");
    gateway.standings.apply(standing.membership, 2, true);
    assert!(refused(&first).await.contains("refresh it"));
    assert_eq!(second.get("/admin/v1/products").await.0, 200);
    gateway.standings.end(standing.session);
    assert!(refused(&second).await.contains("session of this access token has ended"));
    gateway.standings.forget(standing.session);
    gateway.standings.apply(standing.membership, 3, false);
    assert!(refused(&issue(3)).await.contains("refresh it"), "the membership has ended");
    assert_eq!(echo.count(), 2, "a refused request reached the service");
}

#[tokio::test]
async fn a_key_that_is_taken_back_ends_all_its_tokens_at_once() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let staff = gateway.staff();
    assert_eq!(staff.get("/admin/v1/products").await.0, 200);
    gateway.mint.keys().remove(gateway.mint.announced().kid);
    assert_eq!(staff.get("/admin/v1/products").await.0, 401);
}

#[tokio::test]
async fn whoever_works_for_a_suspended_organisation_reaches_their_own_account_and_nothing_else() {
    let [auth, catalog, order] = ["auth", "catalog", "order"].map(Echo::start);
    let services = [
        (Service::Auth, &[auth.address][..]),
        (Service::Catalog, &[catalog.address][..]),
        (Service::Order, &[order.address][..]),
    ];
    let gateway = Gateway::start(&services, behaviour());
    let currency = kernel::Currency::parse("USD").unwrap();
    let set = |active| {
        let (organisation, slug) = (gateway.organisation, kernel::Slug::parse("lamps").unwrap());
        gateway.organisations.apply(access::Organisation { organisation, slug, currency, guests: true, active });
    };
    let staff = gateway.staff();
    set(false);
    for path in ["/admin/v1/products", "/admin/v1/members", "/store/v1/lamps/orders/x", "/store/v1/lamps/customers/me"]
    {
        let reply = staff.send(Method::GET, path, None).await;
        assert_eq!((reply.status, &reply.json()["type"]), (403, &"/problems/organisation-suspended".into()), "{path}");
    }
    assert_eq!((catalog.count(), order.count(), auth.count()), (0, 0, 0), "a refused request reached a service");
    for path in ["/auth/v1/sessions", "/auth/v1/memberships", "/auth/v1/password"] {
        assert_eq!(staff.get(path).await.0, 200, "{path}");
    }
    set(true);
    assert_eq!(staff.get("/admin/v1/products").await.0, 200);
}
