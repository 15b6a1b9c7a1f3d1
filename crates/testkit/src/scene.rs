//! Everything one test needs, and nobody else has: a database, topics, two organisations, tokens, clients.
//!
//! The rule it keeps: two scenes share servers and nothing on them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use access::{Organisation, Organisations, Role, Verifier};
use contracts::auth::OrganisationState;
use contracts::{Channel, Topic};
use devstack::{Cluster, DatabaseRole};
use diesel_migrations::EmbeddedMigrations;
use kernel::{Currency, CustomerId, OrganisationId, Slug};
use mediator::{Mediator, Scope};
use messaging::{Outgoing, Record};
use persistence::Database;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use uuid::Uuid;

use crate::fixture::{TestDatabase, on_a_thread_of_its_own};
use crate::{Caller, Client, Mint, must, records, someone};

/// Connections per pool: two, so that tests meet on the same connection.
const CONNECTIONS: u32 = 2;

/// A scene with bigger pools.
pub struct Builder {
    service: &'static str,
    migrations: EmbeddedMigrations,
    connections: u32,
}

impl Builder {
    /// Connections in each of the two tenant pools (2 by default).
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Builder {
        self.connections = connections;
        self
    }

    /// Makes it.
    pub async fn build(self) -> Scene {
        let cluster = must(devstack::shared_cluster().await, "start the test servers");
        let database = TestDatabase::create(cluster, self.service, self.migrations).await;
        let scene = Scene {
            service: self.service,
            organisation: OrganisationId::new(),
            other_organisation: OrganisationId::new(),
            organisations: Organisations::new(),
            mint: Mint::new(),
            namespace: format!("test-{}", Uuid::new_v4().simple()),
            uses_topics: AtomicBool::new(false),
            connections: self.connections,
            database,
        };
        scene.takes_guests(true);
        scene
    }
}

/// One test's world. Dropping it removes its database and topics.
pub struct Scene {
    service: &'static str,
    organisation: OrganisationId,
    other_organisation: OrganisationId,
    organisations: Organisations,
    mint: Mint,
    namespace: String,
    uses_topics: AtomicBool,
    connections: u32,
    database: TestDatabase,
}

impl Scene {
    /// A scene of one service.
    pub async fn new(service: &'static str, migrations: EmbeddedMigrations) -> Scene {
        Scene::of(service, migrations).build().await
    }

    /// A scene to be completed.
    #[must_use]
    pub fn of(service: &'static str, migrations: EmbeddedMigrations) -> Builder {
        Builder { service, migrations, connections: CONNECTIONS }
    }

    /// The servers.
    #[must_use]
    pub fn cluster(&self) -> &'static Cluster {
        self.database.cluster
    }

    /// The test's organisation, which both `organisations()` and the callers know.
    #[must_use]
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// The organisation of [`Caller::OtherOrganisation`].
    #[must_use]
    pub fn other_organisation(&self) -> OrganisationId {
        self.other_organisation
    }

    /// The slug of the test's organisation.
    #[must_use]
    pub fn slug(&self) -> Slug {
        must(Slug::parse("test-shop"), "name a shop")
    }

    /// The slug of the other one.
    #[must_use]
    pub fn other_slug(&self) -> Slug {
        must(Slug::parse("other-shop"), "name a shop")
    }

    /// Both organisations, as a service's table would hold them (both in USD).
    #[must_use]
    pub fn organisations(&self) -> Organisations {
        self.organisations.clone()
    }

    /// What signs the callers' tokens.
    #[must_use]
    pub fn mint(&self) -> &Mint {
        &self.mint
    }

    /// A verifier of the callers' tokens.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        self.mint.verifier()
    }

    // The database.

    /// The database's name on the cluster.
    #[must_use]
    pub fn database_name(&self) -> &str {
        &self.database.name
    }

    /// The URL of a role of the scene's service.
    #[must_use]
    pub fn url(&self, role: DatabaseRole) -> String {
        must(self.cluster().role_url(&self.database.name, self.service, role), "name the database's URL")
    }

    /// What the service would be configured with.
    #[must_use]
    pub fn settings(&self) -> persistence::Settings {
        persistence::Settings {
            url: self.url(DatabaseRole::App),
            system_url: self.url(DatabaseRole::System),
            schema: self.service.to_owned(),
            write_connections: self.connections,
            read_connections: self.connections,
        }
    }

    /// The service's database; each call opens pools of its own.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::open(self.settings())
    }

    /// A mediator on a database of its own.
    #[must_use]
    pub fn mediator(&self) -> Mediator {
        Mediator::new(self.database())
    }

    /// A plain connection as superuser, who sees every row, with the service's schema in front.
    pub async fn superuser(&self) -> tokio_postgres::Client {
        let url = must(self.cluster().superuser_url(&self.database.name), "name the database's URL");
        self.plain(&url).await
    }

    /// A plain connection as one of the service's roles: what row-level security shows it is what it gets.
    pub async fn connect(&self, role: DatabaseRole) -> tokio_postgres::Client {
        self.plain(&self.url(role)).await
    }

    async fn plain(&self, url: &str) -> tokio_postgres::Client {
        let url = must(url.parse(), "read the database's URL");
        let client = must(devstack::connect(&url).await, "connect to the database");
        must(client.batch_execute(&format!("set search_path to \"{}\"", self.service)).await, "choose the schema");
        client
    }

    // Who asks.

    /// The scope of a command sent without HTTP: someone of the test's organisation.
    #[must_use]
    pub fn scope(&self, roles: &[Role]) -> Scope {
        let organisation = self.organisation;
        Scope::of(someone(organisation, roles).caller(), organisation)
    }

    /// Whether the shops of the test's organisations take orders of people without an account.
    pub fn takes_guests(&self, guests: bool) {
        let currency = must(Currency::parse("USD"), "name a currency");
        for (organisation, slug) in [(self.organisation, self.slug()), (self.other_organisation, self.other_slug())] {
            self.organisations.apply(Organisation { organisation, slug, currency, guests, active: true });
        }
    }

    /// A client of the server at `base` as this customer of the shop of the test's organisation.
    #[must_use]
    pub fn customer(&self, base: &str, customer: CustomerId) -> Client {
        Client::new(base, Some(&self.mint.customer_token(self.organisation, customer)))
    }

    /// The scope of a shopper in the test's organisation.
    #[must_use]
    pub fn shopper(&self) -> Scope {
        Scope::of(access::Caller::Shopper { organisation: self.organisation }, self.organisation)
    }

    /// A client of the server at `base` (`http://host:port`) as this caller.
    #[must_use]
    pub fn client(&self, base: &str, caller: Caller) -> Client {
        let (organisation, role) = match caller {
            Caller::Owner => (self.organisation, Role::Owner),
            Caller::OrderManager => (self.organisation, Role::OrderManager),
            Caller::Viewer => (self.organisation, Role::Viewer),
            Caller::OtherOrganisation => (self.other_organisation, Role::Owner),
            Caller::Anonymous => return Client::new(base, None),
        };
        Client::new(base, Some(&self.mint.token(organisation, &[role])))
    }

    pub(crate) fn service(&self) -> &'static str {
        self.service
    }

    /// An address of this machine that no other test uses, for limits per address.
    #[must_use]
    pub fn own_address() -> IpAddr {
        let [a, b, c, ..] = *Uuid::new_v4().as_bytes();
        IpAddr::V4(Ipv4Addr::new(127, a.clamp(1, 254), b, c.clamp(1, 254)))
    }

    // Topics.

    /// What the service would be configured with: the shared broker and this test's namespace.
    #[must_use]
    pub fn messaging(&self) -> messaging::Settings {
        self.messaging_of(self.service)
    }

    /// The same for another service on the same topics.
    #[must_use]
    pub fn messaging_of(&self, service: &str) -> messaging::Settings {
        self.uses_topics.store(true, Ordering::Relaxed);
        messaging::Settings {
            brokers: self.cluster().kafka_brokers.clone(),
            namespace: self.namespace.clone(),
            service: service.to_owned(),
        }
    }

    /// Creates topics in the test's namespace.
    pub async fn topics(&self, topics: &[Topic]) {
        must(messaging::ensure_topics(&self.messaging(), topics).await, "create the topics");
    }

    /// Says `event` on its topic, as the service that owns the topic would, about the test's organisation.
    pub async fn publish<C: Channel>(&self, version: i64, event: &C) {
        self.send(&[records::publish(Some(self.organisation), version, event)]).await;
    }

    /// Says who signs tokens and that the test's organisation exists, as auth would.
    pub async fn announce(&self) {
        self.publish(1, &self.mint.announced()).await;
        let organisation = OrganisationState {
            organisation: self.organisation,
            slug: self.slug(),
            name: "Test shop".to_owned(),
            currency: must(Currency::parse("USD"), "name a currency"),
            country: None,
            time_zone: None,
            guests: None,
            active: true,
            version: 1,
        };
        self.publish(1, &organisation).await;
    }

    /// Sends records as they are, in order.
    pub async fn send(&self, outgoing: &[Outgoing]) {
        records::send(&self.messaging_of("test"), outgoing).await;
    }

    /// Everything on a topic (named without the namespace) at this moment.
    pub async fn read(&self, topic: &str) -> Vec<Record> {
        records::read_topic(&self.messaging_of("test"), topic).await
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !self.uses_topics.load(Ordering::Relaxed) {
            return;
        }
        let settings = self.messaging_of("test");
        on_a_thread_of_its_own(move || async move {
            if let Err(error) = remove_topics(&settings).await {
                eprintln!("testkit: topics of {} stay behind: {error}", settings.namespace);
            }
        });
    }
}

/// Every migration of a service can be undone and done again, and there are at least so many of them.
///
/// # Panics
/// When one cannot, or there are fewer.
pub async fn assert_every_way_back(service: &'static str, migrations: fn() -> EmbeddedMigrations, at_least: usize) {
    let scene = Scene::new(service, migrations()).await;
    let owner = scene.url(DatabaseRole::Owner);
    let undone = must(persistence::revert(&owner, service, migrations()).await, "undo the migrations");
    let done = must(persistence::migrate(&owner, service, migrations()).await, "do the migrations again");
    assert_eq!(undone.len(), done.len());
    assert!(done.len() >= at_least, "{done:?}");
}

/// Removes every topic of a namespace.
async fn remove_topics(settings: &messaging::Settings) -> Result<(), rdkafka::error::KafkaError> {
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(10))?;
    let prefix = format!("{}.", settings.namespace);
    let names: Vec<&str> =
        metadata.topics().iter().map(|topic| topic.name()).filter(|name| name.starts_with(&prefix)).collect();
    if !names.is_empty() {
        admin.delete_topics(&names, &AdminOptions::new()).await?;
    }
    Ok(())
}
