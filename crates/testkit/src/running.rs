//! A service, or a single piece of the kit, that runs inside the test.
//! The rule: it is wired by the very assembly of production; only its surroundings are the test's.

use std::future::Future;
use std::time::Duration;

use assembly::{Assembly, Callers, Surroundings};
use mediator::Mediator;
use service::settings::Http;
use service::{Boot, CancellationToken};
use tokio::task::JoinHandle;

use crate::{Mint, Scene, must};

/// Whether a service that runs inside a test has its relay and consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topics {
    /// Neither: what it records stays in its outbox.
    Off,
    /// Both, on topics of the scene's own.
    On,
}

/// A service that runs inside the test.
pub struct Running {
    boot: Boot,
    mediator: Mediator,
    base: String,
}

impl Scene {
    /// Starts a service of this scene: its callers are known, and it listens on a free port.
    pub async fn start(&self, assembly: Assembly, topics: Topics) -> Running {
        self.start_in(assembly, self.surroundings(topics)).await
    }

    /// The same in other surroundings.
    pub async fn start_in(&self, assembly: Assembly, surroundings: Surroundings) -> Running {
        let boot = Boot::in_process(self.service());
        let started = must(assembly.start(surroundings, &boot).await, "start the service");
        let base = started.address.map(|address| format!("http://{address}")).unwrap_or_default();
        Running { boot, mediator: started.mediator, base }
    }

    /// What a service of this scene runs in.
    #[must_use]
    pub fn surroundings(&self, topics: Topics) -> Surroundings {
        Surroundings {
            database: self.settings(),
            kafka: self.messaging(),
            topics: topics == Topics::On,
            http: Some(Http { address: ([127, 0, 0, 1], 0).into(), workers: 1 }),
            callers: Callers::Known { verifier: self.verifier(), organisations: self.organisations() },
        }
    }

    /// The same for a service that keeps signing keys itself: it verifies its own tokens.
    #[must_use]
    pub fn surroundings_of_auth(&self, topics: Topics) -> Surroundings {
        let callers = Callers::Published { issuer: Mint::ISSUER.to_owned(), audience: Mint::AUDIENCE.to_owned() };
        Surroundings { callers, ..self.surroundings(topics) }
    }
}

impl Running {
    /// The way to its commands and queries.
    #[must_use]
    pub fn mediator(&self) -> &Mediator {
        &self.mediator
    }

    /// Where it listens, as `http://host:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its health and its parts.
    #[must_use]
    pub fn boot(&self) -> &Boot {
        &self.boot
    }

    /// Stops its parts in their order.
    pub async fn stop(self) {
        self.boot.stop().await;
    }
}

/// A piece of the kit that works until it is stopped, without a service around it.
pub struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// Starts it.
    pub fn start<E, F>(work: impl FnOnce(CancellationToken) -> F) -> Self
    where
        E: std::fmt::Display,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let work = work(stop.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = work.await {
                eprintln!("testkit: what was started ended with an error: {error}");
            }
        });
        Self { stop, task }
    }

    /// Whether it has ended, asked or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Tells it to stop and waits for its end, at most for `limit`.
    pub async fn stop(self, limit: Duration) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(limit, self.task).await.is_err() {
            abort.abort();
        }
    }

    /// Ends it at once and in the middle of anything, as a crash would.
    pub fn kill(self) {
        self.task.abort();
    }
}
