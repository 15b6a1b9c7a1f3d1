//! `status` of a stack of plain processes, from their pid files.
//! The rule it keeps: a process that has died is shown as down, not left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::process::Identity;
use devstack::services::reasons;
use devstack::{Error, ports};

use super::native::SERVICES_FOLDER;
use super::{EnvFile, Folder, supervisor};
use crate::words::say;

/// Prints a line for every process; the reply is whether all of them run and are ready.
pub(super) async fn show(folder: &Folder) -> Result<bool, Error> {
    let env = EnvFile::read(folder)?;
    let files = pid_files(folder);
    if files.is_empty() {
        say!("nothing runs; the data is kept in {}; `make up` starts it", folder.path().display());
        return Ok(false);
    }
    say!("{:<12} {:>8} {:<8} {:>9} {:>10} {:>9}  {}", "name", "pid", "state", "up", "memory", "restarts", "address");
    let (mut dead, mut waiting) = (0, Vec::new());
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or("?").to_owned();
        let alive = Identity::read(&file).filter(Identity::is_alive);
        let address = address(&file, &name);
        let state = match alive {
            None => {
                dead += 1;
                "down"
            }
            Some(_) if !file.parent().is_some_and(|above| above.ends_with(SERVICES_FOLDER)) => "up",
            Some(_) => match unreadiness(&file).await {
                None => "ready",
                Some(reasons) => {
                    waiting.push(format!("{name} waits: {reasons}"));
                    "waiting"
                }
            },
        };
        let restarts = match supervisor::restarts(&file) {
            0 => "-".to_owned(),
            count => count.to_string(),
        };
        let (pid, up, memory) = alive.map_or_else(Default::default, |identity| {
            (
                identity.pid().to_string(),
                identity.age().map(length).unwrap_or_default(),
                identity.resident_kib().map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0)).unwrap_or_default(),
            )
        });
        say!("{name:<12} {pid:>8} {state:<8} {up:>9} {memory:>10} {restarts:>9}  {address}");
    }
    say!();
    say!("gateway: {}", env.get("GATEWAY_URL").unwrap_or("-"));
    for line in &waiting {
        say!("{line}");
    }
    if Identity::read(&folder.join(&format!("{}.pid", supervisor::NAME))).is_none_or(|process| !process.is_alive()) {
        say!("nobody starts again what ends, because the last `make up` did not come to its end; run it again");
    }
    if dead > 0 {
        say!(
            "{dead} down; `make logs SERVICE=<name>` says why, and SERVICE={} when it is started again",
            supervisor::NAME
        );
    }
    Ok(dead == 0 && waiting.is_empty())
}

pub(super) fn part_folders(folder: &Folder) -> Vec<PathBuf> {
    ["postgres", "redis", "kafka", "bot-api", SERVICES_FOLDER].map(|name| folder.join(name)).into()
}

fn pid_files(folder: &Folder) -> Vec<PathBuf> {
    part_folders(folder)
        .iter()
        .flat_map(|part| {
            let mut files = entries(part, "pid");
            files.sort();
            files
        })
        .collect()
}

pub(super) fn entries(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn address(pid_file: &Path, name: &str) -> String {
    let port = |name: String| ports::written_to(&pid_file.with_file_name(name));
    match (port(format!("{name}.port")), port(format!("{name}.internal.port"))) {
        (Some(port), Some(internal)) => format!("127.0.0.1:{port}, internal {internal}"),
        (Some(port), None) => format!("127.0.0.1:{port}"),
        (None, Some(internal)) => format!("internal {internal}"),
        (None, None) => String::new(),
    }
}

/// What a service waits for; none when it is ready.
async fn unreadiness(pid_file: &Path) -> Option<String> {
    let name = pid_file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let port = ports::written_to(&pid_file.with_file_name(format!("{name}.internal.port")));
    let asked = async {
        let reply = reqwest::get(format!("http://127.0.0.1:{}/readyz", port?)).await.ok()?;
        Some((reply.status().is_success(), reply.text().await.ok()?))
    };
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Some((true, _))) => None,
        Ok(Some((false, readiness))) => Some(reasons(&readiness)),
        Ok(None) => Some(reasons("")),
        Err(_elapsed) => Some("it does not answer within 2 s".to_owned()),
    }
}

fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
