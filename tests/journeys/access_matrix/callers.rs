//! Who asks: members and programs with exactly one permission or with all but one, operators, customers, and those who may
//! not ask at all.
//! The rule it keeps: every gateway that is asked knows of whoever is to be refused before the first question.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2e::{PASSWORD, PATIENCE, Shop, Store};
use futures::{StreamExt, stream};
use kernel::OrganisationId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Mint, Scene, eventually};
use uuid::Uuid;

use super::documents::{Guard, Route};

/// People and keys that are made at the same time.
const AT_ONCE: usize = 8;

/// A column of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    /// Without a credential.
    Anonymous,
    /// With a token that somebody else signed.
    Stranger,
    /// With a token that was good until an hour ago.
    Expired,
    /// With a token of a session that has ended.
    Revoked,
    /// With a token from before a change of the person's roles.
    Outdated,
    /// A member who has every permission but the one that is needed.
    WrongRole,
    /// A program with every permission but the one that is needed.
    KeyWithout,
    /// The owner of another organisation, or for an account's own routes a member of it.
    OtherOrganisation,
    /// A program with the one permission that is needed.
    KeyWith,
    /// A member who has the one permission that is needed.
    RightRole,
    /// Somebody who runs the installation.
    Operator,
    /// A customer of the shop.
    Customer,
    /// A customer of another organisation's shop.
    OtherCustomer,
    /// The owner of an organisation that is suspended.
    Suspended,
}

impl Caller {
    pub(super) const ALL: [Caller; 14] = [
        Caller::Anonymous,
        Caller::Stranger,
        Caller::Expired,
        Caller::Revoked,
        Caller::Outdated,
        Caller::WrongRole,
        Caller::KeyWithout,
        Caller::OtherOrganisation,
        Caller::KeyWith,
        Caller::RightRole,
        Caller::Operator,
        Caller::Customer,
        Caller::OtherCustomer,
        Caller::Suspended,
    ];
}

/// The name of the role that has this permission and no other one.
pub(super) fn only(permission: &str) -> String {
    format!("only-{}", permission.replace(':', "-"))
}

/// All of them, each with its credential.
pub(super) struct Callers<'s> {
    store: &'s Store,
    here: Staffing<'s>,
    there: Staffing<'s>,
    /// The members of the suspended organisation, one for each operation on one's own account.
    suspended: BTreeMap<String, String>,
    /// What each asks with, without the credential. Each has an address of its own, since guesses are limited by address.
    clients: BTreeMap<Caller, Client>,
    everywhere: BTreeMap<Caller, String>,
    by_permission: BTreeMap<(Caller, String), String>,
}

impl<'s> Callers<'s> {
    /// Makes everybody who is needed for these permissions.
    pub(super) async fn assemble(
        store: &'s Store,
        shop: &'s Shop,
        elsewhere: &'s Shop,
        closed: &'s Shop,
        routes: &[Route],
        permissions: &BTreeSet<&str>,
    ) -> Callers<'s> {
        let [here, there, closed] = [shop, elsewhere, closed].map(|shop| Staffing { store, shop });
        let (_, at_closed) = closed.hire("owner").await;
        let mut suspended = BTreeMap::new();
        for route in routes.iter().filter(|route| matches!(route.guard, Guard::Person | Guard::Member)) {
            suspended.insert(route.operation.clone(), closed.hire("owner").await.1);
        }
        closed.suspend().await;
        let work = permissions.iter().flat_map(|permission| {
            let (here, rest) = (&here, permissions.iter().filter(move |it| *it != permission).copied().collect());
            [
                here.caller(Caller::RightRole, permission, vec![*permission]),
                here.caller(Caller::WrongRole, permission, rest),
            ]
        });
        let made: Vec<_> = stream::iter(work).buffer_unordered(AT_ONCE).collect().await;
        let by_permission: BTreeMap<_, _> = made.into_iter().flatten().collect();
        let mint = store.announced_key().await;
        let everywhere = [
            (Caller::Expired, mint.sign(&moved(&shop.token, -3_600))),
            (Caller::Stranger, Mint::new().token(OrganisationId::new(), &[])),
            (Caller::Revoked, here.revoked().await),
            (Caller::Outdated, here.outdated().await),
            (Caller::OtherOrganisation, elsewhere.token.clone()),
            (Caller::Operator, store.operator().await),
            (Caller::Customer, here.customer().await),
            (Caller::OtherCustomer, there.customer().await),
            (Caller::Suspended, at_closed),
        ];
        let clients = Caller::ALL.map(|caller| (caller, somebody(store))).into();
        let callers = Callers { store, here, there, suspended, clients, everywhere: everywhere.into(), by_permission };
        // What is refused once it has expired counts until then.
        callers.are_known(&mint.sign(&moved(&shop.token, 0))).await;
        callers
    }

    /// The caller for this route. What one does to their own account is theirs to bear, so each such question has somebody
    /// of its own.
    pub(super) async fn client(&self, caller: Caller, route: &Route) -> Client {
        let own = match (&route.guard, caller) {
            (Guard::Person | Guard::Member | Guard::Colleague, Caller::WrongRole) => {
                Some(self.here.hire("viewer").await.1)
            }
            (Guard::Person | Guard::Member | Guard::Colleague, Caller::RightRole) => {
                Some(self.here.hire("owner").await.1)
            }
            (Guard::Person | Guard::Member, Caller::OtherOrganisation) => Some(self.there.hire("owner").await.1),
            (Guard::Person | Guard::Member, Caller::Operator) => Some(self.store.operator().await),
            (Guard::Person | Guard::Member, Caller::Suspended) => self.suspended.get(&route.operation).cloned(),
            (Guard::Customer, Caller::Customer) => Some(self.here.customer().await),
            _ => None,
        };
        let permission = route.guard.permission();
        let named = |(of, word): &(Caller, String)| *of == caller && permission.is_none_or(|wanted| wanted == word);
        let by_permission = || self.by_permission.iter().find(|(key, _)| named(key)).map(|(_, credential)| credential);
        let client = self.clients[&caller].clone();
        match own.as_ref().or_else(|| self.everywhere.get(&caller)).or_else(by_permission) {
            Some(credential) => client.with("authorization", &format!("Bearer {credential}")),
            None => client,
        }
    }

    /// Waits until the gateway takes what counts and refuses what does not. The public keys are shown to whoever presents
    /// nothing wrong.
    async fn are_known(&self, unexpired: &String) {
        let good = self.by_permission.values().chain([unexpired]).map(|credential| (credential, 200));
        let bad = [Caller::Revoked, Caller::Outdated].map(|caller| (&self.everywhere[&caller], 401));
        for (credential, expected) in good.chain(bad) {
            let client = self.clients[&Caller::Anonymous].clone();
            let client = client.with("authorization", &format!("Bearer {credential}"));
            eventually(PATIENCE, async || {
                let (status, body) = client.get("/auth/v1/jwks").await;
                if status == expected { Ok(()) } else { Err((status, body)) }
            })
            .await;
        }
    }
}

/// A client at an address of its own, since what can be guessed at is limited by address.
fn somebody(store: &Store) -> Client {
    Client::new(&store.gateways()[0], None).from_address(Scene::own_address())
}

/// What this token says, for a time so many seconds later.
fn moved(token: &str, seconds: i64) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&payload).unwrap();
    for name in ["iat", "nbf", "exp"] {
        claims[name] = json!(claims[name].as_i64().unwrap() + seconds);
    }
    claims
}

/// How an organisation gets its people, its keys and its customers.
struct Staffing<'s> {
    store: &'s Store,
    shop: &'s Shop,
}

impl<'s> Staffing<'s> {
    /// A member and a key with these permissions, for this column and this permission of the matrix.
    async fn caller(&self, caller: Caller, permission: &str, granted: Vec<&str>) -> [((Caller, String), String); 2] {
        let (role, program) = match caller {
            Caller::RightRole => (only(permission), Caller::KeyWith),
            _ => (format!("not-{}", permission.replace(':', "-")), Caller::KeyWithout),
        };
        self.created("/admin/v1/roles", &json!({"name": role, "permissions": granted})).await;
        let key = self.created("/admin/v1/api-keys", &json!({"name": role, "permissions": granted})).await;
        let secret = key["secret"].as_str().unwrap().to_owned();
        let (_, token) = self.hire(&role).await;
        [((caller, permission.to_owned()), token), ((program, permission.to_owned()), secret)]
    }

    /// A new member with this role: the address and an access token.
    async fn hire(&self, role: &str) -> (String, String) {
        let email = format!("{}@staff.example", Uuid::new_v4().simple());
        let sent = self.created("/admin/v1/invitations", &json!({"email": email, "roles": [role]})).await;
        let acceptance = json!({"token": sent["token"], "name": "A member", "password": PASSWORD});
        let (status, body) = somebody(self.store).post("/auth/v1/invitations/accept", &acceptance).await;
        assert_eq!(status, 200, "{role}: {body}");
        (email, body["access_token"].as_str().unwrap().to_owned())
    }

    /// An access token of a new customer.
    async fn customer(&self) -> String {
        let email = format!("{}@customers.example", Uuid::new_v4().simple());
        let wanted = json!({"email": email, "name": "A customer", "password": PASSWORD});
        let path = format!("/store/v1/{}/customers", self.shop.slug);
        let (status, body) = somebody(self.store).post(&path, &wanted).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Suspends the organisation, and waits until the gateway knows.
    async fn suspend(&self) {
        let operator = somebody(self.store).with("authorization", &format!("Bearer {}", self.store.operator().await));
        let (_, me) = self.shop.owner.get("/auth/v1/me").await;
        let path = format!("/platform/v1/organisations/{}/suspend", me["organisation"]["id"].as_str().unwrap());
        let (status, body) = operator.post(&path, &json!({})).await;
        assert_eq!(status, 200, "{body}");
        eventually(PATIENCE, async || {
            let (status, body) = self.shop.owner.get("/admin/v1/members").await;
            if status == 403 { Ok(()) } else { Err((status, body)) }
        })
        .await;
    }

    async fn revoked(&self) -> String {
        let (_, token) = self.hire("owner").await;
        let member = somebody(self.store).with("authorization", &format!("Bearer {token}"));
        let reply = member.send(Method::POST, "/auth/v1/logout", None).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        token
    }

    async fn outdated(&self) -> String {
        let (email, token) = self.hire("owner").await;
        let (_, members) = self.shop.owner.get("/admin/v1/members").await;
        let member = members["items"].as_array().unwrap().iter().find(|member| member["email"] == email.as_str());
        let path = format!("/admin/v1/members/{}", member.unwrap()["id"].as_str().unwrap());
        let change = self.shop.owner.clone().with("if-match", "*");
        let (status, body) = change.patch(&path, &json!({"roles": ["admin"]})).await;
        assert_eq!(status, 200, "{body}");
        token
    }

    async fn created(&self, path: &str, wanted: &Value) -> Value {
        let (status, body) = self.shop.owner.post(path, wanted).await;
        assert_eq!(status, 201, "{path}: {body}");
        body
    }
}
