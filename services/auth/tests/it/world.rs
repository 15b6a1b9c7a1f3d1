//! One or two auth services in a scene of their own, in this process, with the keeper of the signing keys running.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use access::{KeyRing, Organisations, Verifier};
use auth::{
    credentials::{Credentials, Hasher, Issuer, Seal, SetupToken},
    domain::Schedule,
    http,
    processes::keeper::Keeper,
};
use contracts::topics;
use mediator::Mediator;
use messaging::{Producer, Relay};
use serde_json::{Value, json};
use testkit::{Client, Scene};

/// As long as anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// What allows creating organisations here.
pub(crate) const SETUP: &str = "setup-token-of-the-tests";
/// The owner's password here.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Keys as in production: none changes while a test runs.
pub(crate) const CALM: Schedule = Schedule {
    signs_for: Duration::from_secs(3_600),
    known_before: Duration::from_secs(60),
    valid_after: Duration::from_secs(660),
};

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) replicas: Vec<Replica>,
}

/// One process's worth of the service.
pub(crate) struct Replica {
    base: String,
    ring: KeyRing,
    server: rest::server::Server,
    keeper: Keeper,
    relay: Option<Relay>,
}

impl World {
    /// HTTP and database only.
    pub(crate) async fn quiet() -> Self {
        Self::quiet_with(CALM).await
    }

    /// The same, with the keys' life as the test wants it.
    pub(crate) async fn quiet_with(schedule: Schedule) -> Self {
        Self::with(schedule, false).await
    }

    /// With the relay, on topics of its own, and the keys' life as the test wants it.
    pub(crate) async fn connected(schedule: Option<Schedule>) -> Self {
        Self::with(schedule.unwrap_or(CALM), true).await
    }

    async fn with(schedule: Schedule, connected: bool) -> Self {
        let scene = Scene::of(auth::NAME, auth::MIGRATIONS).connections(6).build().await;
        if connected {
            scene.topics(&[topics::SIGNING_KEY, topics::ORGANISATION]).await;
        }
        let replica = Replica::start(&scene, schedule, connected).await;
        Self { scene, replicas: vec![replica] }
    }

    /// Two replicas, HTTP and database only.
    pub(crate) async fn of_two() -> Self {
        let mut world = Self::quiet().await;
        let second = Replica::start(&world.scene, CALM, false).await;
        world.replicas.push(second);
        world
    }

    pub(crate) async fn stop(self) {
        for replica in self.replicas {
            replica.server.stop().await;
            replica.keeper.stop().await;
            if let Some(relay) = replica.relay {
                relay.stop(PATIENCE).await;
            }
        }
    }

    /// Somebody without a token.
    pub(crate) fn visitor(&self) -> Client {
        self.visitor_of(0)
    }

    pub(crate) fn visitor_of(&self, replica: usize) -> Client {
        Client::new(&self.replicas[replica].base, None)
    }

    /// Whoever runs the installation.
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
}

impl Replica {
    /// Starts as the service does, in this process.
    async fn start(scene: &Scene, schedule: Schedule, connected: bool) -> Self {
        let mediator = Mediator::new(scene.database());
        let relay = connected.then(|| {
            let producer = Producer::new(&scene.messaging()).unwrap();
            Relay::start(mediator.database().clone(), producer)
        });
        let credentials = credentials();
        let ring = KeyRing::new();
        let keeper = Keeper::start(mediator.clone(), credentials.clone(), ring.clone(), schedule).await.unwrap();
        let verifier = Verifier::new(ring.clone(), "issuer", "audience");
        let app = rest::App::new(auth::NAME, mediator, verifier, Organisations::new()).with(credentials);
        let settings = rest::server::Settings::new("127.0.0.1:0".parse().unwrap()).workers(1);
        let server = rest::server::start(settings, app, http::routes()).unwrap();
        let base = format!("http://{}", server.address());
        Self { base, ring, server, keeper, relay }
    }

    /// What it verifies tokens with.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(self.ring.clone(), "issuer", "audience")
    }
}

/// The same for every replica, as their environment makes them.
pub(crate) fn credentials() -> Credentials {
    Credentials {
        hasher: Hasher::new(NonZeroUsize::new(2).unwrap()).unwrap(),
        issuer: Issuer::new("issuer", "audience"),
        seal: Arc::new(Seal::new(&[42; 32]).unwrap()),
        setup: SetupToken::new(SETUP),
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

/// The fields that a problem names, sorted.
pub(crate) fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let mut fields: Vec<_> = errors.iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
}
