//! Whether this process can serve, what it still waits for, and what is away although it serves.
//! The rule: alive is a matter of this process alone; ready is asked of every part each time. What is away makes nobody
//! unready who can accept work without it: taking all replicas out of service would not bring it back.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use serde::Serialize;

/// How long one part may take to say whether it is ready.
const PATIENCE: Duration = Duration::from_secs(2);

type Notice = Arc<dyn Fn() -> Option<String> + Send + Sync>;
type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The checks of one process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    phase: Phase,
    waits: BTreeMap<String, String>,
    checks: Vec<(String, Check)>,
    notices: Vec<(String, Notice)>,
}

/// Where in its life the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    #[default]
    Starting,
    Serving,
    Stopping,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether the process can serve.
    pub ready: bool,
    /// `starting`, `serving` or `stopping`.
    phase: Phase,
    /// What it waits for.
    pub waiting: Vec<Waiting>,
    /// What is away although it serves: work is accepted and waits.
    pub away: Vec<Waiting>,
}

/// One thing that is waited for, or away.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Waiting {
    /// The part.
    pub name: String,
    /// Why it is not there yet.
    pub reason: String,
}

impl Health {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a check that must pass for the process to be ready.
    pub(crate) fn ready_when<E, F>(&self, name: &str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        E: Display,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let check: Check = Arc::new(move || {
            let asked = check();
            Box::pin(async move { asked.await.map_err(|reason| reason.to_string()) })
        });
        self.state().checks.push((name.to_owned(), check));
    }

    /// Registers what must have been there once for the process to be ready; `reason` says why it is not yet.
    pub(crate) fn ready_once(
        &self,
        name: &str,
        reason: &'static str,
        is_there: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let was_there = AtomicBool::new(false);
        self.ready_when(name, move || {
            let known = was_there.load(Ordering::Relaxed) || is_there();
            was_there.store(known, Ordering::Relaxed);
            std::future::ready(if known { Ok(()) } else { Err(reason) })
        });
    }

    /// Registers what tells of something that may be away while the process serves.
    pub(crate) fn tell_when_away(&self, name: &str, notice: impl Fn() -> Option<String> + Send + Sync + 'static) {
        self.state().notices.push((name.to_owned(), Arc::new(notice)));
    }

    pub(crate) fn wait(&self, name: &str, reason: &str) {
        self.state().waits.insert(name.to_owned(), reason.to_owned());
    }

    pub(crate) fn arrived(&self, name: &str) {
        self.state().waits.remove(name);
    }

    pub(crate) fn forget_checks(&self) {
        let mut state = self.state();
        state.checks.clear();
        state.notices.clear();
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// Asks every part.
    pub async fn report(&self) -> Report {
        let (phase, waits, checks, notices) = {
            let state = self.state();
            (state.phase, state.waits.clone(), state.checks.clone(), state.notices.clone())
        };
        let mut waiting: Vec<Waiting> = waits.into_iter().map(|(name, reason)| Waiting { name, reason }).collect();
        let asked = join_all(checks.into_iter().map(|(name, check)| async move {
            let answer = tokio::time::timeout(PATIENCE, check()).await;
            let reason = match answer {
                Ok(Ok(())) => return None,
                Ok(Err(reason)) => reason,
                Err(_elapsed) => format!("did not answer within {} seconds", PATIENCE.as_secs()),
            };
            Some(Waiting { name, reason })
        }))
        .await;
        for one in asked.into_iter().flatten() {
            if !waiting.iter().any(|known| known.name == one.name) {
                waiting.push(one);
            }
        }
        let away = notices.into_iter().filter_map(|(name, notice)| Some(Waiting { name, reason: notice()? })).collect();
        Report { ready: phase == Phase::Serving && waiting.is_empty(), phase, waiting, away }
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("phase", &self.state().phase).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_only_while_serving_and_with_every_check_passed() {
        let health = Health::default();
        let up = Arc::new(AtomicBool::new(false));
        let seen = up.clone();
        health.ready_when("database", move || {
            let up = seen.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("connection refused") } }
        });
        health.enter(Phase::Serving);
        let report = health.report().await;
        assert!(!report.ready);
        assert_eq!(report.waiting, [Waiting { name: "database".into(), reason: "connection refused".into() }]);

        up.store(true, Ordering::SeqCst);
        assert!(health.report().await.ready);
        health.wait("kafka topics", "no broker");
        assert!(!health.report().await.ready);
        health.arrived("kafka topics");
        health.enter(Phase::Stopping);
        assert!(!health.report().await.ready);
    }

    #[tokio::test]
    async fn what_was_there_once_may_go_away() {
        let health = Health::default();
        health.enter(Phase::Serving);
        let there = Arc::new(AtomicBool::new(false));
        let seen = there.clone();
        health.ready_once("keys", "none is known", move || seen.load(Ordering::Relaxed));
        let report = health.report().await;
        assert_eq!((report.ready, report.waiting[0].reason.as_str()), (false, "none is known"));
        for is_there in [true, false] {
            there.store(is_there, Ordering::Relaxed);
            assert!(health.report().await.ready, "{is_there}");
        }
    }

    #[tokio::test]
    async fn what_is_away_is_told_and_makes_nobody_unready() {
        let health = Health::default();
        let outage = Arc::new(AtomicBool::new(false));
        let seen = outage.clone();
        health.tell_when_away("kafka", move || seen.load(Ordering::SeqCst).then(|| "since noon".to_owned()));
        health.enter(Phase::Serving);
        assert!(health.report().await.away.is_empty());
        outage.store(true, Ordering::SeqCst);
        let report = health.report().await;
        assert!(report.ready);
        assert_eq!(report.away, [Waiting { name: "kafka".into(), reason: "since noon".into() }]);
    }
}
