//! What the processes use: time to ready, resident memory, processor time at rest and under load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use devstack::services::SERVICES;
use e2e::Store;

use crate::Failure;
use crate::report::Report;

/// Clock ticks per second of Linux's `/proc` (USER_HZ is 100 on every architecture we run on).
const TICKS: f64 = 100.0;

/// Processor time of a process and its children that ended, in ticks; `/proc/<pid>/stat`, fields 14 and 15.
fn ticks(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory of a process.
pub(crate) fn resident_mib(pid: i32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// Every process whose command line contains this word, by `/proc`.
fn named(word: &str) -> Vec<i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(word))
        })
        .collect()
}

/// Whose processor time a load takes.
pub(crate) struct Shares {
    started: Instant,
    before: BTreeMap<String, u64>,
}

impl Shares {
    pub(crate) fn begin(store: &mut Store) -> Self {
        Self { started: Instant::now(), before: all(store) }
    }

    /// "gateway 31 %, catalog 25 %, …" of one core, largest first.
    pub(crate) fn end(self, store: &mut Store) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut shares: Vec<(String, f64)> = all(store)
            .into_iter()
            .map(|(name, after)| {
                let used = after.saturating_sub(self.before.get(&name).copied().unwrap_or(0));
                #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
                let share = used as f64 / TICKS / seconds * 100.0;
                (name, share)
            })
            .filter(|(_, share)| *share >= 2.0)
            .collect();
        shares.sort_by(|one, other| other.1.total_cmp(&one.1));
        let words: Vec<String> = shares.iter().map(|(name, share)| format!("{name} {share:.0} %")).collect();
        format!("cores: {}", words.join(", "))
    }
}

fn all(store: &mut Store) -> BTreeMap<String, u64> {
    let folder = store.folder.to_string_lossy().into_owned();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (name, pid) in services(store) {
        found.insert(name, ticks(pid).unwrap_or(0));
    }
    // The postmaster is named by its folder, its backends say `postgres: role database`.
    let postgres: u64 = named(&format!("{folder}/postgres"))
        .into_iter()
        .chain(named(&format!("_app {} ", store.database)))
        .chain(named(&format!("_system {} ", store.database)))
        .filter_map(ticks)
        .sum();
    found.insert("PostgreSQL".to_owned(), postgres);
    found.insert("Kafka".to_owned(), named(&format!("{folder}/kafka")).into_iter().filter_map(ticks).sum());
    let port = store.cluster.redis_url.rsplit(':').next().unwrap_or_default();
    found.insert(
        "Redis".to_owned(),
        named(&format!("redis-server 127.0.0.1:{port}")).into_iter().filter_map(ticks).sum(),
    );
    found.insert("client".to_owned(), ticks(i32::try_from(std::process::id()).unwrap_or(0)).unwrap_or(0));
    found
}

fn services(store: &mut Store) -> Vec<(String, i32)> {
    SERVICES.iter().filter_map(|it| Some((it.name.to_owned(), store.replica(it.name, 1).pid()?))).collect()
}

pub(crate) async fn start_up(store: &mut Store, report: &mut Report) -> Result<(), Failure> {
    for name in SERVICES.iter().map(|service| service.name) {
        let replica = store.replica(name, 1);
        let stopped = Instant::now();
        replica.stop().await;
        let stopped = stopped.elapsed();
        let started = Instant::now();
        replica.restart().await?;
        replica.ready_within(Duration::from_secs(30)).await?;
        let ready = started.elapsed();
        let memory = replica.pid().and_then(resident_mib).unwrap_or_default();
        report.line(&format!(
            "| {name}: start to ready | | {} ms | | 1 s, 25 MiB | {memory:.0} MiB resident then; SIGTERM to exit {} ms |",
            ready.as_millis(),
            stopped.as_millis()
        ));
    }
    Ok(())
}

pub(crate) async fn at_rest(store: &mut Store, report: &mut Report) -> Result<(), Failure> {
    const LOOK: Duration = Duration::from_secs(10);
    // What the load left behind comes to rest first.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = all(store);
    tokio::time::sleep(LOOK).await;
    let after = all(store);
    let core = |name: &str| {
        let ticks = |of: &BTreeMap<String, u64>| of.get(name).copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let used = ticks(&after).saturating_sub(ticks(&before)) as f64;
        used / TICKS / LOOK.as_secs_f64()
    };
    for (name, pid) in services(store) {
        let (share, memory) = (core(&name), resident_mib(pid).unwrap_or_default());
        report.line(&format!(
            "| {name} | | | | 25 MiB, 0.5 % | {:.1} % of a core, {memory:.0} MiB resident after all of the above |",
            share * 100.0
        ));
        report.figure(&format!("rest.{name}.cores"), share);
        report.figure(&format!("rest.{name}.mib"), memory);
    }
    for name in ["Kafka", "PostgreSQL", "Redis"] {
        let share = core(name);
        report.line(&format!("| {name} | | | | 10 % | {:.1} % of a core |", share * 100.0));
        report.figure(&format!("rest.{}.cores", name.to_lowercase()), share);
    }
    Ok(())
}
