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
use crate::stage::Stage;

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

    /// A part without which the process must end: only a new process can rebuild its state.
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

/// How a part that failed comes back.
#[derive(Clone, Copy)]
struct Recovery {
    /// The pause before the first new start; each further one is twice as long.
    shortest: Duration,
    longest: Duration,
    /// A part that has run this long after a failure is healthy again, or as long as it last paused when that is longer.
    healthy_after: Duration,
    /// A part that has run this long begins with the shortest pause again when it fails.
    steady_after: Duration,
}

const RECOVERY: Recovery = Recovery {
    shortest: Duration::from_millis(200),
    longest: Duration::from_secs(5),
    healthy_after: Duration::from_secs(1),
    steady_after: Duration::from_secs(30),
};

impl Boot {
    /// Starts a part and supervises it until the process stops.
    pub fn run(&self, part: Part) {
        let Part { stage, name, limit, work } = part;
        let stop = CancellationToken::new();
        let supervised = match work {
            Work::Restarted(work) => restarted(self.health().clone(), name, work, stop.clone(), RECOVERY).boxed(),
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

/// Polls every `interval`, and at once again while `poll` says that there is more, until it is told to stop.
///
/// # Errors
/// None; it is what a part is made of.
pub async fn every<F>(interval: Duration, stop: CancellationToken, poll: impl Fn() -> F) -> Result<(), BootError>
where
    F: Future<Output = bool>,
{
    loop {
        let pause = if poll().await { Duration::ZERO } else { interval };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return Ok(());
        }
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

/// Failures are counted from zero, so that an alert sees the first one.
fn begin(name: &'static str) {
    for reason in ["panic", "error", "ended"] {
        metrics::counter!("part_failures_total", "part" => name, "reason" => reason).increment(0);
    }
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
    recovery: Recovery,
) {
    begin(name);
    let (mut pause, mut last_pause) = (recovery.shortest, Duration::ZERO);
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
            () = tokio::time::sleep(last_pause.max(recovery.healthy_after)) => {
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
        if started.elapsed() > recovery.steady_after {
            pause = recovery.shortest;
        }
        health.wait(name, &ended.reason);
        tracing::error!(
            part = name,
            next_start_ms = pause.as_millis(),
            "{name} is started again in {pause:?}: {}",
            ended.reason
        );
        let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        last_pause = pause;
        pause = (pause * 2).min(recovery.longest);
    }
    is_running(name, false);
}

async fn essential(
    boot: Boot,
    name: &'static str,
    work: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Outcome> + Send>,
    stop: CancellationToken,
) {
    begin(name);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A fiftieth of the real times.
    const QUICK: Recovery = Recovery {
        shortest: Duration::from_millis(4),
        longest: Duration::from_millis(100),
        healthy_after: Duration::from_millis(20),
        steady_after: Duration::from_millis(600),
    };

    async fn reasons(health: &Health) -> Vec<String> {
        health.report().await.waiting.into_iter().map(|one| format!("{}: {}", one.name, one.reason)).collect()
    }

    /// Runs a part until it is dropped.
    fn run<F>(name: &'static str, work: impl Fn(CancellationToken) -> F + Send + Sync + 'static) -> Health
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let health = Health::default();
        let work = Box::new(move |stop| work(stop).boxed());
        tokio::spawn(restarted(health.clone(), name, work, CancellationToken::new(), QUICK));
        health
    }

    #[tokio::test]
    async fn a_part_that_fails_again_and_again_is_started_ever_more_seldom() {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        // Longer than what makes it healthy, so that only the pause tells.
        let health = run("table", move |_stop| {
            counted.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(QUICK.healthy_after * 2).await;
                Err(BootError::new("broker", "did not answer"))
            }
        });
        let began = Instant::now();
        while runs.load(Ordering::SeqCst) < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Seven runs of 40 ms, and pauses of 4, 8, 16, 32, 64, 100 and 100 ms.
        assert!(began.elapsed() >= Duration::from_millis(600), "{:?}: the pauses do not grow", began.elapsed());
        // It fails before it has run for as long as it paused, so it is not called healthy in between.
        for _ in 0..40 {
            assert_eq!(reasons(&health).await, ["table: broker: did not answer"]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_part_that_ends_or_panics_before_it_begins_is_started_again() {
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, mut seen) = (Arc::clone(&runs), Vec::new());
        let health = run("sweep", move |stop| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            assert!(run != 1, "the closure itself panics");
            async move {
                if run > 1 {
                    stop.cancelled().await;
                }
                Ok(())
            }
        });
        while !reasons(&health).await.is_empty() || runs.load(Ordering::SeqCst) < 3 {
            seen.extend(reasons(&health).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let seen = seen.join("; ");
        assert!(seen.contains("sweep: it ended by itself"), "{seen}");
        assert!(seen.contains("sweep: it panicked: the closure itself panics"), "{seen}");
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn an_essential_part_that_panics_ends_the_process_and_a_part_that_hangs_is_cut_off() {
        let (boot, mut failures) = Boot::new("test", Health::default(), Vec::new());
        boot.run(Part::essential(Stage::Publishing, "relay", |_stop| async { panic!("no producer") }));
        assert_eq!(failures.recv().await.unwrap().to_string(), "relay: it panicked: no producer");
        let hangs = Part::restarted(Stage::Consuming, "sender", |_stop| std::future::pending());
        boot.run(hangs.within(Duration::from_millis(50)));
        tokio::time::timeout(Duration::from_secs(2), boot.stop_all()).await.unwrap();
    }

    #[tokio::test]
    async fn one_off_work_is_told_to_stop_and_a_panic_ends_nothing_else() {
        let (boot, _failures) = Boot::new("test", Health::default(), Vec::new());
        let tasks = boot.tasks(Stage::Requests, "imports");
        let finished = Arc::new(AtomicU32::new(0));
        tasks.spawn("import 1", |_stop| async { panic!("a row that cannot be") });
        let counted = Arc::clone(&finished);
        tasks.spawn("import 2", |stop| async move {
            stop.cancelled().await;
            counted.fetch_add(1, Ordering::SeqCst);
        });
        boot.stop_all().await;
        assert_eq!(finished.load(Ordering::SeqCst), 1);
    }
}
