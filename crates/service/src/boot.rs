//! What a service is given to start its parts: waiting, readiness, what an operator may ask for, and the ordered stop.
//! The rule: parts stop in the order in which work flows through them, so nothing accepted is lost.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::health::{Health, Phase};
use crate::stage::Stage;

/// What an operator may ask for, however often.
pub type Job = Arc<dyn Fn() -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;
type Stop = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What an operator may ask of a running service on its internal port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobKind {
    /// Makes a projection anew from its topic.
    Rebuild,
    /// Does again what was given up.
    Retry,
}

/// Given to a service's start function. Cheap to clone.
#[derive(Clone)]
pub struct Boot(Arc<Inner>);

struct Inner {
    name: &'static str,
    health: Health,
    /// The migrations that the schema must have.
    migrations: Vec<String>,
    stops: Mutex<Vec<(Stage, String, Stop)>>,
    jobs: Mutex<BTreeMap<(JobKind, &'static str), Job>>,
    failures: mpsc::UnboundedSender<BootError>,
    stopping: CancellationToken,
}

/// Why a service could not start or go on. Every error converts into it, so `?` works; use
/// [`Boot::require`] to name the part.
pub struct BootError {
    part: Option<String>,
    reason: String,
}

impl BootError {
    /// `part` failed because of `reason`.
    #[must_use]
    pub fn new(part: impl Into<String>, reason: impl Display) -> Self {
        Self { part: Some(part.into()), reason: reason.to_string() }
    }
}

impl Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{part}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl fmt::Debug for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootError({self})")
    }
}

// `BootError` is no `std::error::Error` itself, which is what makes this possible.
impl<E: std::error::Error> From<E> for BootError {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            source = cause.source();
        }
        Self { part: None, reason }
    }
}

impl fmt::Debug for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Boot").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Boot {
    pub(crate) fn new(
        name: &'static str,
        health: Health,
        migrations: Vec<String>,
    ) -> (Self, mpsc::UnboundedReceiver<BootError>) {
        let (failures, failed) = mpsc::unbounded_channel();
        let inner = Inner {
            name,
            health,
            migrations,
            stops: Mutex::default(),
            jobs: Mutex::default(),
            failures,
            stopping: CancellationToken::new(),
        };
        (Self(Arc::new(inner)), failed)
    }

    /// For a service that runs inside a test: no signals, no internal port. [`Boot::stop`] ends it.
    #[doc(hidden)]
    #[must_use]
    pub fn in_process(name: &'static str) -> Self {
        let (boot, _failures) = Self::new(name, Health::default(), Vec::new());
        boot.0.health.enter(Phase::Serving);
        boot
    }

    /// Stops every part, stage by stage, as a signal does.
    #[doc(hidden)]
    pub async fn stop(&self) {
        self.0.health.enter(Phase::Stopping);
        self.announce_stop();
        self.stop_all().await;
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The health of this process.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// Opens the database, waits until it can be used and its schema has the migrations that this program needs, and makes readiness
    /// depend on it. A program ahead of its schema would take every record for one that can never be taken.
    ///
    /// # Errors
    /// Only when the service is stopped meanwhile.
    pub async fn database(
        &self,
        settings: persistence::Settings,
        observers: persistence::Observers,
    ) -> Result<persistence::Database, BootError> {
        let database = persistence::Database::observed(settings, observers);
        self.wait_for("database", || database.reachable()).await?;
        self.wait_for("migrations", || database.is_migrated_to(&self.0.migrations)).await?;
        self.wait_for("database", || database.check()).await?;
        let checked = database.clone();
        self.0.health.ready_when("database", move || {
            let database = checked.clone();
            async move { database.check().await }
        });
        Ok(database)
    }

    /// Tells in `/readyz` of something that may be away while the service accepts work: `notice` says what is known of it,
    /// or nothing while it is there. It is asked each time and does not block.
    pub fn tell_when_away(&self, name: &str, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.0.health.tell_when_away(name, notice);
    }

    /// The service is not ready before something has been there once; `reason` says in `/readyz` why not. What has been there may go
    /// away: to take all replicas out of service would not bring it back. It is asked each time and does not block.
    pub fn ready_once(&self, name: &str, reason: &'static str, is_there: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.health.ready_once(name, reason, is_there);
    }

    /// Tries until it succeeds, at intervals that grow from 0.2 to 5 seconds. Meanwhile the service
    /// is not ready, and says in `/readyz` and in the log what it waits for.
    ///
    /// # Errors
    /// Only when the service is stopped meanwhile.
    pub async fn wait_for<T, E, F>(&self, what: &str, mut attempt: impl FnMut() -> F) -> Result<T, BootError>
    where
        E: Display,
        F: Future<Output = Result<T, E>>,
    {
        let mut pause = Duration::from_millis(200);
        let mut waited = false;
        loop {
            let reason = match tokio::time::timeout(Duration::from_secs(60), attempt()).await {
                Ok(Ok(value)) => {
                    self.0.health.arrived(what);
                    if waited {
                        tracing::info!(what, "{what} is there");
                    }
                    return Ok(value);
                }
                Ok(Err(reason)) => reason.to_string(),
                Err(_elapsed) => "no answer within 60 seconds".to_owned(),
            };
            waited = true;
            self.0.health.wait(what, &reason);
            tracing::warn!(what, next_attempt_ms = pause.as_millis(), "waiting for {what}: {reason}");
            let stopped = tokio::time::timeout(pause, self.0.stopping.cancelled()).await;
            if stopped.is_ok() {
                return Err(BootError::new(what, "the service was stopped while it waited for this"));
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Waits for something that another part brings, which is seen in `/readyz` meanwhile.
    ///
    /// # Errors
    /// Only when the service is stopped meanwhile.
    pub async fn until(&self, what: &str, reason: &str, there: impl Future<Output = ()>) -> Result<(), BootError> {
        self.0.health.wait(what, reason);
        tokio::pin!(there);
        // What comes at once is not worth a line.
        if tokio::time::timeout(Duration::from_secs(1), &mut there).await.is_err() {
            tracing::warn!(what, "waiting for {what}: {reason}");
            tokio::select! {
                () = there => tracing::info!(what, "{what} is there"),
                () = self.0.stopping.cancelled() => {
                    return Err(BootError::new(what, "the service was stopped while it waited for this"));
                }
            }
        }
        self.0.health.arrived(what);
        Ok(())
    }

    /// Names the part that a failure belongs to.
    ///
    /// # Errors
    /// The failure, with the part's name.
    pub fn require<T, E: Display>(&self, part: &str, result: Result<T, E>) -> Result<T, BootError> {
        result.map_err(|reason| BootError::new(part, reason))
    }

    pub(crate) fn on_stop<F>(&self, stage: Stage, part: &str, stop: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop: Stop = Box::new(move || Box::pin(stop()));
        lock(&self.0.stops).push((stage, part.to_owned(), stop));
    }

    /// Registers `POST /rebuild/{name}` or `POST /retry/{name}` on the internal port.
    pub fn offers(&self, kind: JobKind, name: &'static str, job: Job) {
        lock(&self.0.jobs).insert((kind, name), job);
    }

    /// Says that a part has died and the process must end (exit code 70).
    pub fn fail(&self, part: &str, reason: impl Display) {
        // Nobody listens any more when the process is ending already.
        let _ignored = self.0.failures.send(BootError::new(part, reason));
    }

    pub(crate) fn announce_stop(&self) {
        self.0.stopping.cancel();
    }

    pub(crate) fn find_job(&self, kind: JobKind, name: &str) -> Result<Job, Vec<&'static str>> {
        let jobs = lock(&self.0.jobs);
        let mut known = jobs.iter().filter(|((other, _), _)| *other == kind);
        match known.clone().find(|((_, other), _)| *other == name) {
            Some((_, job)) => Ok(job.clone()),
            None => Err(known.by_ref().map(|((_, name), _)| *name).collect()),
        }
    }

    /// Stops every registered part, stage by stage.
    pub(crate) async fn stop_all(&self) {
        let mut stops = std::mem::take(&mut *lock(&self.0.stops));
        stops.sort_by_key(|(stage, _, _)| *stage);
        while let Some((stage, _, _)) = stops.first() {
            let stage = *stage;
            let rest = stops.split_off(stops.partition_point(|(other, _, _)| *other == stage));
            let this = std::mem::replace(&mut stops, rest);
            join_all(this.into_iter().map(|(stage, part, stop)| async move {
                tracing::info!(part, "stopping {part} ({stage:?})");
                stop().await;
                tracing::debug!(part, "{part} has stopped");
            }))
            .await;
        }
        // Both hold what the parts were made from, which holds this.
        lock(&self.0.jobs).clear();
        self.0.health.forget_checks();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn parts_stop_in_the_order_of_their_stages() {
        let (boot, _failed) = Boot::new("test", Health::default(), Vec::new());
        let order = Arc::new(Mutex::new(Vec::new()));
        for (stage, part) in [
            (Stage::Publishing, "relay"),
            (Stage::Requests, "http"),
            (Stage::Closing, "pools"),
            (Stage::Consuming, "consumer"),
            (Stage::Requests, "http too"),
        ] {
            let order = order.clone();
            boot.on_stop(stage, part, move || async move {
                tokio::task::yield_now().await;
                order.lock().unwrap().push(part);
            });
        }
        boot.stop_all().await;
        assert_eq!(*order.lock().unwrap(), ["http", "http too", "consumer", "relay", "pools"]);
    }

    #[test]
    fn what_the_stages_may_take_together_is_less_than_a_stop_may_take() {
        let kit = crate::settings::kit(&mut crate::config::Reader::from_pairs([])).unwrap();
        let stages = [Stage::Requests, Stage::Consuming, Stage::Publishing, Stage::Closing];
        assert!(stages.into_iter().map(Stage::limit).sum::<Duration>() < kit.shutdown);
    }

    #[tokio::test]
    async fn waiting_is_seen_in_the_health_and_ends_with_success() {
        let (boot, _failed) = Boot::new("test", Health::default(), Vec::new());
        let attempts = AtomicU32::new(0);
        let health = boot.health().clone();
        let value = boot
            .wait_for("broker", || {
                let attempt = attempts.fetch_add(1, Ordering::SeqCst);
                let health = health.clone();
                async move {
                    if attempt == 0 {
                        return Err("refused".to_owned());
                    }
                    let report = health.report().await;
                    assert_eq!(report.waiting[0].reason, "refused");
                    Ok(attempt)
                }
            })
            .await
            .unwrap();
        assert_eq!(value, 1);
        assert!(boot.health().report().await.waiting.is_empty());
    }

    #[tokio::test]
    async fn waiting_ends_when_the_service_is_stopped() {
        let (boot, _failed) = Boot::new("test", Health::default(), Vec::new());
        let stopper = boot.clone();
        let waiting = boot.wait_for("broker", || async {
            stopper.announce_stop();
            Err::<(), _>("refused")
        });
        assert!(waiting.await.unwrap_err().to_string().contains("stopped while it waited"));
    }
}
