//! The folders of temporary servers, and the cleaning up after processes that were killed.
//! The rule it keeps: a folder is named after the process that created it, and what is in it ends with that process. A
//! watcher sees to that; when the watcher was killed as well, the next process does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::Error;
use crate::process::{Identity, Signal};

/// This user's folder for throw-away servers.
pub(crate) fn root() -> PathBuf {
    std::env::temp_dir().join(format!("cyber-store-{}", geteuid()))
}

/// A new folder for throw-away processes of this process. Every process that has a pid file in it ends with this process,
/// however that ends, and the folder is removed too.
///
/// # Errors
/// When the folder cannot be created.
pub fn temporary_folder(name: &str) -> Result<PathBuf, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    static PREPARED: OnceLock<()> = OnceLock::new();
    let runs = root().join("runs");
    let own = Identity::own().ok_or_else(|| {
        Error::Refused("this process cannot read /proc/self/stat; devstack needs Linux's /proc".to_owned())
    })?;
    let mine = runs.join(own.to_string());
    PREPARED.get_or_init(|| {
        sweep(&runs);
        watch(own, &mine);
    });
    let folder = mine.join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    Ok(folder)
}

/// Starts the shell process that ends what this process leaves running, however this process ends. It does not matter when
/// that cannot be started: the next process sweeps.
fn watch(own: Identity, folder: &Path) {
    let _unwatched = Command::new("setsid")
        .args(["sh", "-c", include_str!("watcher.sh"), "devstack-watcher"])
        .arg(own.to_string())
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

/// Removes the folder of this process's throw-away servers, when all of them have been dropped.
pub fn forget_this_run() {
    if let Some(own) = Identity::own() {
        let _absent = fs::remove_dir_all(root().join("runs").join(own.to_string()));
    }
}

/// Ends and removes everything whose creator is gone.
fn sweep(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let creator = entry.file_name().to_str().and_then(|name| name.parse::<Identity>().ok());
        if creator.is_some_and(|creator| !creator.is_alive()) {
            end_all(&entry.path());
            let _later = fs::remove_dir_all(entry.path());
        }
    }
}

/// How deep pid files lie below a run's folder, at most: a whole stack has a folder per server.
const DEPTH: usize = 3;

/// Ends every process that has a pid file in this folder or below it.
pub(crate) fn end_all(folder: &Path) {
    let mut left: Vec<Identity> =
        pid_files(folder).iter().filter_map(|path| Identity::read(path)).filter(Identity::is_alive).collect();
    for identity in &left {
        identity.signal(Signal::SIGCONT);
        identity.signal(Signal::SIGINT);
    }
    let deadline = Instant::now() + Duration::from_secs(1);
    while !left.is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        left.retain(Identity::is_alive);
    }
    for identity in &left {
        identity.signal(Signal::SIGKILL);
    }
}

fn pid_files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    for _ in 0..DEPTH {
        let entries = folders.iter().flat_map(fs::read_dir).flatten().flatten().map(|entry| entry.path());
        let (below, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        found.extend(files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "pid")));
        folders = below;
    }
    found
}
