//! One or two auth services in a scene of their own, in this process, assembled as the program is.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use access::{KeyRing, SigningKey, Verifier};
use auth::{
    credentials::{Credentials, Derivation, Hasher, Issuer, Seal, SetupToken},
    domain::{Schedule, SessionLife},
};
use mediator::Mediator;
use serde_json::{Value, json};
use testkit::{Client, Mint, Running, Scene, Topics};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// The setup token of these tests.
pub(crate) const SETUP: &str = "setup-token-of-the-tests";
/// The password of every owner in these tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// A schedule as in production: no key changes while a test runs.
pub(crate) const CALM: Schedule = Schedule {
    signs_for: Duration::from_secs(3_600),
    known_before: Duration::from_secs(60),
    valid_after: Duration::from_secs(660),
};

pub(crate) struct World {
    pub(crate) scene: Scene,
    replicas: Vec<Running>,
}

impl World {
    /// HTTP and database only.
    pub(crate) async fn quiet() -> Self {
        Self::quiet_with(CALM).await
    }

    /// HTTP and database only, with this schedule of the keys.
    pub(crate) async fn quiet_with(schedule: Schedule) -> Self {
        Self::with(schedule, Topics::Off, 1).await
    }

    /// With the relay, on topics of its own, and with this schedule of the keys.
    pub(crate) async fn connected(schedule: Schedule) -> Self {
        Self::with(schedule, Topics::On, 1).await
    }

    /// Two replicas, HTTP and database only.
    pub(crate) async fn of_two() -> Self {
        Self::with(CALM, Topics::Off, 2).await
    }

    async fn with(schedule: Schedule, topics: Topics, count: usize) -> Self {
        let scene = Scene::of(auth::NAME, auth::MIGRATIONS).connections(6).build().await;
        let mut replicas = Vec::new();
        for _ in 0..count {
            let assembly = auth::assembly(credentials(), schedule, None);
            replicas.push(scene.start_in(assembly, scene.surroundings_of_auth(topics)).await);
        }
        Self { scene, replicas }
    }

    pub(crate) async fn stop(self) {
        for replica in self.replicas {
            replica.stop().await;
        }
    }

    /// The way to the commands and queries of the first replica.
    pub(crate) fn mediator(&self) -> &Mediator {
        self.replicas[0].mediator()
    }

    /// Somebody without a token.
    pub(crate) fn visitor(&self) -> Client {
        self.bearer(0, None)
    }

    /// Whoever has this token, at one of the replicas.
    pub(crate) fn bearer(&self, replica: usize, token: Option<&str>) -> Client {
        Client::new(self.replicas[replica].base(), token)
    }

    /// Somebody who has the setup token.
    pub(crate) fn operator(&self) -> Client {
        self.visitor().with("x-setup-token", SETUP)
    }

    /// Creates an organisation owned by `ana@<slug>.example`.
    pub(crate) async fn create(&self, slug: &str) -> Value {
        let (status, body) = self.operator().post("/auth/v1/organisations", &organisation(slug)).await;
        assert_eq!(status, 201, "{body}");
        body
    }

    /// Logs the owner of an organisation in.
    pub(crate) async fn log_in(&self, slug: &str, password: &str) -> (u16, Value) {
        self.visitor().post("/auth/v1/login", &login(slug, &format!("ana@{slug}.example"), password)).await
    }

    /// Logs the owner of an organisation in, who is a client of every route from then on.
    pub(crate) async fn owner(&self, slug: &str) -> Client {
        let (status, tokens) = self.log_in(slug, PASSWORD).await;
        assert_eq!(status, 200, "{tokens}");
        self.as_bearer(&tokens)
    }

    /// Whoever was given these tokens.
    pub(crate) fn as_bearer(&self, tokens: &Value) -> Client {
        self.bearer(0, tokens["access_token"].as_str())
    }

    /// Has somebody invited by `inviter` who accepts: their tokens.
    pub(crate) async fn join(&self, inviter: &Client, email: &str, roles: &[&str]) -> Value {
        let (status, sent) = inviter.post("/admin/v1/invitations", &json!({"email": email, "roles": roles})).await;
        assert_eq!(status, 201, "{sent}");
        let (status, tokens) = self.accept(&sent["token"], PASSWORD).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// Accepts an invitation.
    pub(crate) async fn accept(&self, token: &Value, password: &str) -> (u16, Value) {
        let body = json!({"token": token, "name": "Bob Ross", "password": password});
        self.visitor().post("/auth/v1/invitations/accept", &body).await
    }

    /// Makes the pause that ten counted attempts have begun outlast the test; how many things they were counted for.
    pub(crate) async fn pause_guessers(&self) -> u64 {
        let long = "update login_attempts set locked_until = now() + interval '10 minutes' where failures >= 10";
        self.scene.superuser().await.execute(long, &[]).await.unwrap()
    }

    /// The public keys as everybody can get them.
    pub(crate) async fn published(&self) -> Vec<Value> {
        let (status, set) = self.visitor().get("/auth/v1/jwks").await;
        assert_eq!(status, 200, "{set}");
        set["keys"].as_array().unwrap().clone()
    }

    /// Verifies with the published keys and knows nothing else.
    pub(crate) async fn verifier(&self) -> Verifier {
        let ring = KeyRing::new();
        for key in self.published().await {
            let public_key = key["x"].as_str().unwrap().to_owned();
            assert_eq!(key["kid"], access::thumbprint(&public_key).as_str());
            ring.apply(&SigningKey { kid: kernel::KeyId::new(), public_key }).unwrap();
        }
        Verifier::new(ring, Mint::ISSUER, Mint::AUDIENCE)
    }
}

/// The same for every replica, as their environment makes them.
pub(crate) fn credentials() -> Credentials {
    Credentials {
        hasher: Hasher::new(NonZeroUsize::new(2).unwrap()).unwrap(),
        issuer: Issuer::new(Mint::ISSUER, Mint::AUDIENCE),
        seal: Arc::new(Seal::new(&[42; 32]).unwrap()),
        setup: SetupToken::new(SETUP),
        derivation: Arc::new(Derivation::new(&[42; 32])),
        life: SessionLife { idle: Duration::from_secs(3_600), whole: Duration::from_secs(86_400) },
    }
}

pub(crate) fn organisation(slug: &str) -> Value {
    json!({
        "slug": slug,
        "name": "Lamps Ltd",
        "currency": "USD",
        "owner": {"email": format!("Ana@{slug}.example"), "password": PASSWORD, "name": "Ana"},
    })
}

pub(crate) fn login(organisation: &str, email: &str, password: &str) -> Value {
    json!({"organisation": organisation, "email": email, "password": password})
}
