//! Starts again what ends in a stack of plain processes, until `make down`.
//! The rule it keeps: a process without a pid file was stopped on purpose and stays down, and one that ends again and again
//! is started at longer and longer intervals.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use devstack::Error;
use devstack::process::{Launch, Process, Signal};

use super::Folder;
use crate::words::say;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// The pause before the first new start, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What runs so long has recovered: its next end counts as the first.
const RECOVERED: Duration = Duration::from_secs(60);

/// Its name, and that of its log and pid file in the folder of the stack.
pub(super) const NAME: &str = "supervisor";

/// Starts one for these processes, which run.
pub(super) fn start(folder: &Folder, watched: Vec<Launch>) -> Result<(), Error> {
    let list = list_of(folder.path());
    let _absent = fs::remove_file(&list);
    // The environments of the services have passwords in them; the supervisor removes the file when it has read it.
    let text = serde_json::to_vec(&watched)
        .map_err(|error| Error::Refused(format!("the processes of the stack cannot be listed: {error}")))?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&list)
        .and_then(|mut file| file.write_all(&text))
        .map_err(Error::file("write", &list))?;
    let program = std::env::current_exe().map_err(Error::file("find", Path::new("devstack")))?;
    Launch::new(NAME, program, folder.path()).argument("supervise").argument(folder.path()).start().map(drop)
}

/// Stops it, so that what is stopped next stays down.
pub(super) async fn stop(folder: &Folder) {
    let launch = Launch::new(NAME, "", folder.path());
    if let Some(mut process) = launch.attach() {
        process.stop(Signal::SIGTERM, Duration::from_secs(5)).await;
    }
    let _absent = fs::remove_file(&launch.pid_file);
}

/// How often the process of this pid file was started again.
pub(super) fn restarts(pid_file: &Path) -> u32 {
    fs::read_to_string(pid_file.with_extension("restarts")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Watches the processes of the list in this folder until it is stopped.
pub(crate) async fn run(folder: &Path) -> Result<(), Error> {
    let list = list_of(folder);
    let text = fs::read(&list).map_err(Error::file("read", &list))?;
    let _absent = fs::remove_file(&list);
    let launches: Vec<Launch> = serde_json::from_slice(&text)
        .map_err(|error| Error::Refused(format!("{} is no list of processes: {error}", list.display())))?;
    for launch in &launches {
        let _absent = fs::remove_file(launch.pid_file.with_extension("restarts"));
    }
    let mut watched: Vec<Watched> = launches.into_iter().map(Watched::new).collect();
    loop {
        for one in &mut watched {
            one.look(Instant::now());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn list_of(folder: &Path) -> PathBuf {
    folder.join("supervisor.launches")
}

/// A process that is to run.
struct Watched {
    launch: Launch,
    /// The one that was started here; a child that is not waited for stays a zombie.
    child: Option<Process>,
    /// When it was last started here.
    started: Option<Instant>,
    /// Ends in a row.
    ends: u32,
    /// When it is started again; none while it runs.
    due: Option<Instant>,
    restarts: u32,
}

impl Watched {
    fn new(launch: Launch) -> Self {
        Self { launch, child: None, started: None, ends: 0, due: None, restarts: 0 }
    }

    /// Starts it again when it has ended and its pause is over.
    fn look(&mut self, now: Instant) {
        let stopped_on_purpose = !self.launch.pid_file.exists();
        let own_child_runs = self.child.as_mut().is_some_and(Process::is_alive);
        if stopped_on_purpose || own_child_runs || self.launch.attach().is_some() {
            self.due = None;
            return;
        }
        let name = &self.launch.name;
        let Some(due) = self.due else {
            if self.started.is_some_and(|started| now.duration_since(started) > RECOVERED) {
                self.ends = 0;
            }
            let pause = pause(self.ends);
            self.ends = self.ends.saturating_add(1);
            self.due = Some(now + pause);
            say!("{} {name} ended; it is started again in {} s", time(), pause.as_secs());
            return;
        };
        if now < due {
            return;
        }
        self.due = None;
        self.started = Some(now);
        match self.launch.start() {
            Ok(process) => {
                self.child = Some(process);
                self.restarts += 1;
                let file = self.launch.pid_file.with_extension("restarts");
                let _only_shown = fs::write(file, self.restarts.to_string());
                say!("{} {name} was started again; restarts so far: {}", time(), self.restarts);
            }
            Err(error) => say!("{} {name} could not be started again: {error}", time()),
        }
    }
}

/// Doubles with each end in a row.
fn pause(ends: u32) -> Duration {
    let (first, longest) = PAUSES;
    first.saturating_mul(1_u32.checked_shl(ends).unwrap_or(u32::MAX)).min(longest)
}

fn time() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_process_is_started_again_and_one_that_was_stopped_is_not() {
        let folder = devstack::temporary_folder("supervisor").unwrap();
        let launch = Launch::new("sleep", "sleep", &folder).argument("600");
        let mut first = launch.start().unwrap();
        let mut watched = Watched::new(launch.clone());
        let now = Instant::now();
        watched.look(now);
        assert!(watched.due.is_none(), "it runs");
        first.stop_at_once();
        watched.look(now);
        let due = watched.due.unwrap();
        watched.look(now);
        assert_eq!(watched.restarts, 0, "its pause is not over");
        watched.look(due);
        let mut second = launch.attach().unwrap();
        assert_eq!((watched.restarts, restarts(&launch.pid_file)), (1, 1));
        assert_ne!(second.identity(), first.identity());

        // As `make down` does it.
        second.stop_at_once();
        fs::remove_file(&launch.pid_file).unwrap();
        for _ in 0..3 {
            watched.look(due + Duration::from_secs(600));
        }
        assert!(launch.attach().is_none() && watched.due.is_none());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_ends_at_once_again_and_again_waits_longer_and_longer() {
        assert_eq!([0, 1, 2, 5, 6, 60].map(|ends| pause(ends).as_secs()), [1, 2, 4, 32, 60, 60]);
        let folder = devstack::temporary_folder("supervisor").unwrap();
        let launch = Launch::new("true", "true", &folder);
        fs::write(&launch.pid_file, "1-1").unwrap();
        let mut watched = Watched::new(launch);
        let mut now = Instant::now();
        for ends in 1..4 {
            watched.look(now);
            let due = watched.due.unwrap();
            assert_eq!((watched.ends, due.duration_since(now)), (ends, pause(ends - 1)));
            watched.look(due);
            // It ends at once.
            watched.child.as_mut().map(Process::stop_at_once);
            now = due;
        }
        watched.look(now + RECOVERED + Duration::from_secs(1));
        assert_eq!(watched.ends, 1, "it ran for a minute, so this is a first end again");
        fs::remove_dir_all(folder).unwrap();
    }
}
