//! Parts: everything that runs beside requests, and how it is supervised.
//! The rule: a part that panics, fails or ends without being asked is named in the log, in a metric and in `/readyz`; it
//! is started again with back-off, or the process ends, as the part was declared.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::boot::{Boot, BootError};
use crate::health::Health;

/// When a part is stopped; all parts of one stage together, the stages one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Whatever takes requests: they are finished, no new ones are taken.
    Requests,
    /// Whatever takes events or runs by the clock: consumers, sweeps, senders.
    Consuming,
    /// Whatever publishes what the others left: the relay.
    Publishing,
    /// Whatever the others needed.
    Closing,
}

impl Stage {
    /// How long a part of this stage may take to stop before it is cut off. All stages together take less than
    /// `SHUTDOWN_SECONDS` by default, so that a stop which takes long in one stage still comes to the others.
    #[must_use]
    pub const fn limit(self) -> Duration {
        match self {
            // The HTTP servers give requests under way 15 seconds.
            Self::Requests => Duration::from_millis(15_500),
            Self::Consuming | Self::Publishing => Duration::from_secs(4),
            Self::Closing => Duration::from_secs(1),
        }
    }
}

type Outcome = Result<(), BootError>;

enum Work {
    Restarted(Box<dyn Fn(CancellationToken) -> BoxFuture<'static, Outcome> + Send + Sync>),
    Essential(Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Outcome> + Send>),
}

/// Something that runs until it is told to stop. Declared here, run by [`Boot::run`].
pub struct Part {
    stage: Stage,
    name: &'static str,
    limit: Duration,
    work: Work,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("stage", &self.stage).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Part {
    /// A part that is started again, with back-off, when it panics, fails or ends without being asked. `work` gets the
    /// token that tells it to stop; `Ok(())` after that is the orderly end.
    #[must_use]
    pub fn restarted<F>(
        stage: Stage,
        name: &'static str,
        work: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let work = Work::Restarted(Box::new(move |stop| work(stop).boxed()));
        Self { stage, name, limit: stage.limit(), work }
    }

    /// A part without which the process must end: it holds what only a new process can make anew.
    #[must_use]
    pub fn essential<F>(
        stage: Stage,
        name: &'static str,
        work: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let work = Work::Essential(Box::new(move |stop| work(stop).boxed()));
        Self { stage, name, limit: stage.limit(), work }
    }

    /// Another time to stop than the stage's own.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

/// The shortest and the longest pause before a part is started again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// A part that has run for this long after a failure counts as well again.
const RECOVERED: Duration = Duration::from_secs(1);

impl Boot {
    /// Starts a part and supervises it until the process stops.
    pub fn run(&self, part: Part) {
        let Part { stage, name, limit, work } = part;
        let stop = CancellationToken::new();
        let supervised = match work {
            Work::Restarted(work) => restarted(self.health().clone(), name, work, stop.clone()).boxed(),
            Work::Essential(work) => essential(self.clone(), name, work, stop.clone()).boxed(),
        };
        let task = tokio::spawn(supervised);
        self.on_stop(stage, name, move || async move {
            stop.cancel();
            let abort = task.abort_handle();
            if tokio::time::timeout(limit, task).await.is_err() {
                abort.abort();
                tracing::warn!(part = name, "{name} did not stop within {limit:?} and was cut off");
            }
        });
    }

    /// Supervised one-off work, such as the runs of an import: it is finished or told to stop together with `stage`.
    #[must_use]
    pub fn tasks(&self, stage: Stage, name: &'static str) -> Tasks {
        let tasks =
            Tasks { name, tracker: TaskTracker::new(), stop: CancellationToken::new(), runtime: Handle::current() };
        let stopped = tasks.clone();
        self.on_stop(stage, name, move || async move {
            stopped.stop.cancel();
            stopped.tracker.close();
            if tokio::time::timeout(stage.limit(), stopped.tracker.wait()).await.is_err() {
                tracing::warn!(part = name, running = stopped.tracker.len(), "{name} did not stop in time");
            }
        });
        tasks
    }
}

/// Starts one-off work on the main runtime. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks {
    name: &'static str,
    tracker: TaskTracker,
    stop: CancellationToken,
    runtime: Handle,
}

impl Tasks {
    /// Runs `work` until it ends; the token tells it that the process stops. A panic is logged and counted, and ends this
    /// work only.
    pub fn spawn<F>(&self, what: impl fmt::Display, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (name, what) = (self.name, what.to_string());
        let work = work(self.stop.clone());
        let supervised = async move {
            if let Err(panic) = AssertUnwindSafe(work).catch_unwind().await {
                let reason = said(&*panic);
                metrics::counter!("part_failures_total", "part" => name, "reason" => "panic").increment(1);
                tracing::error!(part = name, reason, "{what} panicked: {reason}");
            }
        };
        self.tracker.spawn_on(supervised, &self.runtime);
    }
}

/// How a run of a part ended although nobody asked.
struct Ended {
    /// `panic`, `error` or `ended`, for the metric.
    kind: &'static str,
    reason: String,
}

/// Runs a part once; none when it was told to stop.
async fn once(work: BoxFuture<'static, Outcome>, stop: &CancellationToken) -> Option<Ended> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    let ended = match ended {
        Ok(Ok(())) if stop.is_cancelled() => return None,
        Ok(Ok(())) => Ended { kind: "ended", reason: "it ended by itself".to_owned() },
        Ok(Err(error)) => Ended { kind: "error", reason: error.to_string() },
        Err(panic) => Ended { kind: "panic", reason: format!("it panicked: {}", said(&*panic)) },
    };
    Some(ended)
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

fn is_running(name: &'static str, running: bool) {
    metrics::gauge!("part_running", "part" => name).set(if running { 1.0 } else { 0.0 });
}

fn failed(name: &'static str, ended: &Ended) {
    is_running(name, false);
    metrics::counter!("part_failures_total", "part" => name, "reason" => ended.kind).increment(1);
}

async fn restarted(
    health: Health,
    name: &'static str,
    work: Box<dyn Fn(CancellationToken) -> BoxFuture<'static, Outcome> + Send + Sync>,
    stop: CancellationToken,
) {
    let mut pause = PAUSES.0;
    while !stop.is_cancelled() {
        is_running(name, true);
        let started = Instant::now();
        // A closure that panics before it gives its future is a part that panics.
        let begun = std::panic::catch_unwind(AssertUnwindSafe(|| work(stop.clone())));
        let run = async {
            match begun {
                Ok(future) => once(future, &stop).await,
                Err(panic) => Some(Ended { kind: "panic", reason: format!("it panicked: {}", said(&*panic)) }),
            }
        };
        tokio::pin!(run);
        let ended = tokio::select! {
            ended = &mut run => ended,
            () = tokio::time::sleep(RECOVERED) => {
                health.arrived(name);
                run.await
            }
        };
        let Some(ended) = ended else { break };
        failed(name, &ended);
        if stop.is_cancelled() {
            tracing::error!(part = name, "{name} did not end in order: {}", ended.reason);
            break;
        }
        if started.elapsed() > RECOVERED {
            pause = PAUSES.0;
        }
        health.wait(name, &ended.reason);
        tracing::error!(
            part = name,
            next_start_ms = pause.as_millis(),
            "{name} is started again in {pause:?}: {}",
            ended.reason
        );
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        pause = (pause * 2).min(PAUSES.1);
    }
    is_running(name, false);
}

async fn essential(
    boot: Boot,
    name: &'static str,
    work: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Outcome> + Send>,
    stop: CancellationToken,
) {
    is_running(name, true);
    let token = stop.clone();
    let Some(ended) = once(async move { work(token).await }.boxed(), &stop).await else {
        return is_running(name, false);
    };
    failed(name, &ended);
    if stop.is_cancelled() {
        return tracing::error!(part = name, "{name} did not end in order: {}", ended.reason);
    }
    boot.health().wait(name, &ended.reason);
    boot.fail(name, ended.reason);
}
