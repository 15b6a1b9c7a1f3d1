//! What a killed process leaves running ends. The process is this very test binary, asked to run the ignored test
//! [`act`]; its temporary files have a folder of their own, so that nobody else sweeps there.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devstack::process::{Identity, Launch, Signal};
use devstack::{Error, Place, Postgres, Redis};

/// Not a test: what the tests start and kill.
#[tokio::test]
#[ignore = "this is the program that the other tests start"]
async fn act() -> Result<(), Error> {
    let folder = devstack::temporary_folder("sleep")?;
    if std::env::var("ACT_LEAVES").unwrap() == "servers" {
        // As a benchmark has it: kept, so that only whoever cleans up ends it, in a folder below the run's own.
        let port = devstack::ports::choose(None)?;
        let redis = Redis::start(Place::kept(devstack::temporary_folder("stack")?.join("redis"), port)).await?;
        let postgres = Postgres::start(Place::temporary("postgres")?, "secret").await?;
        let sleep = Launch::new("sleep", "sleep", &folder).argument("600").start()?;
        for log in [redis.server.log(), postgres.server.log(), sleep.log()] {
            println!("\nleft {}", log.with_extension("pid").display());
        }
        println!("ready");
        std::future::pending::<()>().await;
    }
    Ok(())
}

fn program(temporary: &Path, leaves: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::act", "--ignored", "--nocapture", "--test-threads", "1"]);
    command.env("TMPDIR", temporary).env("ACT_LEAVES", leaves).stdout(Stdio::piped());
    command
}

/// A running program and what it started; it is killed with the test.
struct Acting {
    child: Child,
    temporary: PathBuf,
    left: Vec<(Identity, PathBuf)>,
}

impl Acting {
    fn start(test: &str) -> Self {
        let temporary = std::env::temp_dir().join(format!("devstack-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&temporary).unwrap();
        let child = program(&temporary, "servers").spawn().unwrap();
        let mut acting = Self { child, temporary, left: Vec::new() };
        let lines = BufReader::new(acting.child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let lines: Vec<String> = lines.take_while(|line| line != "ready").collect();
        for file in lines.iter().filter_map(|line| line.strip_prefix("left ")).map(Path::new) {
            acting.left.push((Identity::read(file).unwrap(), file.parent().unwrap().to_owned()));
        }
        assert_eq!(acting.left.len(), 3, "Redis, PostgreSQL and a process");
        assert!(acting.left.iter().all(|(process, folder)| process.is_alive() && folder.exists()));
        acting
    }

    /// The shells that watch over it: one, and now and then a child of it.
    fn watchers(&self) -> Vec<Identity> {
        let words = format!("devstack-watcher\0{}\0", Identity::of(self.child.id()).unwrap());
        let line = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let pids = std::fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| line(pid).contains(&words))
            .filter_map(Identity::of)
            .collect()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether nothing that it started runs, and the folder of its folders is gone.
    fn left_nothing(&self) -> bool {
        self.left.iter().all(|(process, folder)| !process.is_alive() && !folder.parent().unwrap().exists())
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        self.kill();
        let _absent = std::fs::remove_dir_all(&self.temporary);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 30 seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_killed_process_leaves_nothing_running_and_no_folder() {
    let mut acting = Acting::start("killed");
    acting.kill();
    until("the watcher ends and removes everything", || acting.left_nothing());
}

#[test]
fn the_next_process_sweeps_when_the_watcher_was_killed_too() {
    let mut acting = Acting::start("unwatched");
    assert!(!acting.watchers().is_empty(), "nobody watches");
    until("the watcher is killed", || {
        acting.watchers().iter().for_each(|watcher| watcher.signal(Signal::SIGKILL));
        acting.watchers().is_empty()
    });
    acting.kill();
    assert!(acting.left.iter().all(|(process, folder)| process.is_alive() && folder.exists()), "somebody else swept");
    // What cannot be removed at once, because it is still ending, is left to the one after.
    until("the next process ends and removes everything", || {
        assert!(program(&acting.temporary, "nothing").output().unwrap().status.success());
        acting.left_nothing()
    });
}
