//! What a service declares of itself, and the order in which it is started.
//! The rule: a service says what it has; how and when that runs is decided here, once for all of them.

use std::fmt::{self, Display};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use access::{KeyRing, Organisations, Verifier};
use contracts::{Channel, Topic};
use futures::FutureExt;
use futures::future::BoxFuture;
use mediator::Mediator;
use messaging::{Consumer, Producer, Reachability, Relay, Subscriptions, ensure_topics};
use persistence::{Committed, Database, Observers};
use rest::{App, Routes};
use serde_json::Value;
use service::{Boot, BootError, JobKind, Part, Stage, Tasks};

use crate::identities::{identities, ready_with_a_key};
use crate::surroundings::{Callers, Surroundings};

/// What the parts of a service are made from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The way to commands and queries.
    pub mediator: Mediator,
    /// Where the topics are.
    pub kafka: messaging::Settings,
    boot: Boot,
}

impl Kit {
    /// Supervised one-off work; see [`Boot::tasks`].
    #[must_use]
    pub fn tasks(&self, stage: Stage, name: &'static str) -> Tasks {
        self.boot.tasks(stage, name)
    }

    /// Tells in `/readyz` of something that may be away; see [`Boot::tell_when_away`].
    pub fn tell_when_away(&self, name: &str, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.boot.tell_when_away(name, notice);
    }
}

/// A service that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The way to its commands and queries.
    pub mediator: Mediator,
    /// Where it listens; none for a service without HTTP.
    pub address: Option<SocketAddr>,
}

type Prepare = Box<dyn FnOnce(Kit) -> BoxFuture<'static, Result<(), String>> + Send>;
type Subscribe = Box<dyn FnOnce(&Organisations) -> Subscriptions + Send>;
type MakePart = Box<dyn FnOnce(&Kit) -> Part + Send>;
type Job = Arc<dyn Fn(Kit) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;
type Furnish = Box<dyn FnOnce(&Kit, App) -> App + Send>;

/// A service as it is declared.
#[must_use = "an assembly does nothing until it is started"]
pub struct Assembly {
    name: &'static str,
    publishes: Vec<Topic>,
    observers: Observers,
    subscriptions: Option<Subscribe>,
    preparations: Vec<(&'static str, Prepare)>,
    parts: Vec<MakePart>,
    jobs: Vec<(JobKind, &'static str, Job)>,
    own_identities: Option<(KeyRing, Organisations)>,
    http: Option<(Routes, Furnish)>,
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Assembly {
    /// A service that has nothing yet. `name` is its schema, its consumer group and the source of its events.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            publishes: Vec::new(),
            observers: Observers::default(),
            subscriptions: None,
            preparations: Vec::new(),
            parts: Vec::new(),
            jobs: Vec::new(),
            own_identities: None,
            http: None,
        }
    }

    /// The topics that it speaks on. With any of them it has a relay.
    pub fn publishes(mut self, topics: &[Topic]) -> Self {
        self.publishes.extend_from_slice(topics);
        self
    }

    /// Tells `observer` of the events that this process has committed. It does not block and cannot fail; a crash after
    /// the commit is a call that never comes.
    pub fn observes<E: Channel>(mut self, observer: impl Fn(&Committed<'_, E>) + Send + Sync + 'static) -> Self {
        self.observers = self.observers.on(observer);
        self
    }

    /// What it listens to.
    pub fn subscribes(self, subscriptions: Subscriptions) -> Self {
        self.subscribes_by(|_| subscriptions)
    }

    /// As [`Self::subscribes`], for a service whose commands look at the organisations as its requests do. It listens when they have been
    /// read. A service without HTTP knows none.
    pub fn subscribes_by(mut self, subscribe: impl FnOnce(&Organisations) -> Subscriptions + Send + 'static) -> Self {
        self.subscriptions = Some(Box::new(subscribe));
        self
    }

    /// What must have been done once before anything else starts. A failure ends the start.
    pub fn prepares<E, F>(mut self, what: &'static str, prepare: impl FnOnce(Kit) -> F + Send + 'static) -> Self
    where
        E: Display,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let prepare: Prepare = Box::new(|kit| {
            let work = prepare(kit);
            async move { work.await.map_err(|error| error.to_string()) }.boxed()
        });
        self.preparations.push((what, prepare));
        self
    }

    /// Something that runs beside requests and events.
    pub fn part(mut self, part: impl FnOnce(&Kit) -> Part + Send + 'static) -> Self {
        self.parts.push(Box::new(part));
        self
    }

    /// A projection that an operator may have made anew: `POST /rebuild/{name}`, `cyberctl rebuild`.
    pub fn rebuild<E, F>(mut self, name: &'static str, rebuild: impl Fn(Kit) -> F + Send + Sync + 'static) -> Self
    where
        E: Display,
        F: Future<Output = Result<Value, E>> + Send + 'static,
    {
        self.jobs.push((JobKind::Rebuild, name, job(rebuild)));
        self
    }

    /// Something given up that an operator may have tried again: `POST /retry/{name}`, `cyberctl retry`.
    pub fn retry<E, F>(mut self, name: &'static str, retry: impl Fn(Kit) -> F + Send + Sync + 'static) -> Self
    where
        E: Display,
        F: Future<Output = Result<Value, E>> + Send + 'static,
    {
        self.jobs.push((JobKind::Retry, name, job(retry)));
        self
    }

    /// It keeps signing keys and organisations itself and so needs no topic to know who asks.
    pub fn verifies_with(mut self, keys: KeyRing, organisations: Organisations) -> Self {
        self.own_identities = Some((keys, organisations));
        self
    }

    /// Its routes, and what their handlers are given besides the mediator.
    pub fn serves(mut self, routes: Routes, furnish: impl FnOnce(&Kit, App) -> App + Send + 'static) -> Self {
        self.http = Some((routes, Box::new(furnish)));
        self
    }

    /// Starts everything and returns when it runs.
    ///
    /// # Errors
    /// What can never work. What is merely unavailable is waited for.
    pub async fn start(self, surroundings: Surroundings, boot: &Boot) -> Result<Started, BootError> {
        let Surroundings { database, kafka, topics, http, callers } = surroundings;
        let database = boot.database(database, self.observers).await?;
        let kit = Kit { mediator: Mediator::new(database.clone()), kafka, boot: boot.clone() };
        for (what, prepare) in self.preparations {
            boot.require(what, prepare(kit.clone()).await)?;
        }
        let mut speaking = None;
        if topics {
            let reachability = Reachability::of(&kit.kafka);
            boot.tell_when_away("kafka", move || reachability.outage());
            let producer = boot.require("kafka producer", Producer::new(&kit.kafka))?;
            boot.run(retention(database.clone()));
            if !self.publishes.is_empty() {
                boot.wait_for("kafka topics", || ensure_topics(&kit.kafka, &self.publishes)).await?;
                let relay = Relay::new(database, producer.clone());
                boot.run(Part::essential(Stage::Publishing, "relay", |stop| async { Ok(relay.run(stop).await?) }));
            }
            speaking = Some(producer);
        }
        let serving = match (self.http, http) {
            (Some(declared), Some(settings)) => {
                Some((declared, settings, who_asks(callers, self.own_identities, &kit).await?))
            }
            _ => None,
        };
        if let (Some(producer), Some(subscribe)) = (speaking, self.subscriptions) {
            let organisations = serving.as_ref().map(|(.., (_, organisations))| organisations.clone());
            let subscriptions = subscribe(&organisations.unwrap_or_default());
            let join = || {
                let (kafka, mediator) = (kit.kafka.clone(), kit.mediator.clone());
                Consumer::join(kafka, mediator, producer.clone(), subscriptions.clone())
            };
            let consumer = boot.wait_for("kafka consumer", join).await?;
            let consuming =
                Part::essential(Stage::Consuming, "consumer", |stop| async { Ok(consumer.run(stop).await?) });
            boot.run(consuming);
        }
        for part in self.parts {
            boot.run(part(&kit));
        }
        for (kind, name, job) in self.jobs {
            let kit = kit.clone();
            boot.offers(kind, name, Arc::new(move || job(kit.clone())));
        }
        let address = match serving {
            Some(((routes, furnish), http, (verifier, organisations))) => {
                let app = furnish(&kit, App::new(kit.mediator.clone(), verifier, organisations));
                let server = rest::server::bind(http.address, http.workers, app, routes);
                let server = boot.require("http server", server)?;
                let address = server.address();
                boot.run(Part::essential(Stage::Requests, "http server", |stop| async { Ok(server.run(stop).await?) }));
                Some(address)
            }
            None => None,
        };
        Ok(Started { mediator: kit.mediator, address })
    }
}

/// Removes what is past its time; any number of replicas may do it at once.
fn retention(database: Database) -> Part {
    Part::restarted(Stage::Consuming, "retention", move |stop| {
        let database = database.clone();
        async move {
            stop.run_until_cancelled(messaging::prune(&database)).await;
            Ok(())
        }
    })
}

async fn who_asks(
    callers: Callers,
    own: Option<(KeyRing, Organisations)>,
    kit: &Kit,
) -> Result<(Verifier, Organisations), BootError> {
    let (issuer, audience) = match callers {
        Callers::Known { verifier, organisations } => return Ok((verifier, organisations)),
        Callers::Published { issuer, audience } => (issuer, audience),
    };
    let (keys, organisations) = match own {
        Some(own) => {
            ready_with_a_key(&kit.boot, &own.0);
            own
        }
        None => identities(&kit.kafka, &kit.boot).await?,
    };
    Ok((Verifier::new(keys, &issuer, &audience), organisations))
}

fn job<E, F>(work: impl Fn(Kit) -> F + Send + Sync + 'static) -> Job
where
    E: Display,
    F: Future<Output = Result<Value, E>> + Send + 'static,
{
    Arc::new(move |kit| {
        let work = work(kit);
        async move { work.await.map_err(|error| error.to_string()) }.boxed()
    })
}
