//! `status` and `logs` of a stack of plain processes, from their pid files and logs.
//! The rule it keeps: a process that has died is shown as down, not left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use devstack::process::{Identity, tail};
use devstack::{Error, ports};

use super::native::SERVICES_FOLDER;
use super::{EnvFile, Folder};
use crate::words::say;

pub(super) async fn show(folder: &Folder) -> Result<(), Error> {
    let env = EnvFile::read(folder)?;
    let files = pid_files(folder);
    if files.is_empty() {
        say!("nothing runs; the data is kept in {}; `make up` starts it", folder.path().display());
        return Ok(());
    }
    say!("{:<12} {:>8} {:<8} {:>9} {:>10}  {}", "name", "pid", "state", "up", "memory", "address");
    let mut dead = 0;
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
            Some(_) => readiness(&file).await,
        };
        let (pid, up, memory) = alive.map_or_else(Default::default, |identity| {
            (
                identity.pid().to_string(),
                identity.age().map(length).unwrap_or_default(),
                identity.resident_kib().map(|kib| format!("{:.1} MiB", kib as f64 / 1024.0)).unwrap_or_default(),
            )
        });
        say!("{name:<12} {pid:>8} {state:<8} {up:>9} {memory:>10}  {address}");
    }
    say!();
    say!("gateway: {}", env.get("GATEWAY_URL").unwrap_or("-"));
    if dead > 0 {
        say!("{dead} down; `make up` starts them again on the same data, `make logs SERVICE=<name>` says why");
    }
    Ok(())
}

/// The last lines of the logs of one service or server, or the last few of every log.
pub(super) fn logs(folder: &Folder, service: Option<&str>, lines: usize) -> Result<(), Error> {
    let mut logs: Vec<PathBuf> = part_folders(folder).iter().flat_map(|part| entries(part, "log")).collect();
    logs.sort();
    if let Some(service) = service {
        logs.retain(|log| {
            let name = log.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            name == service || name.strip_prefix(service).is_some_and(|rest| rest.starts_with('-'))
        });
        if logs.is_empty() {
            return Err(Error::Refused(format!("there is no log of {service:?}; `make status` lists the names")));
        }
    }
    for log in logs {
        say!("==> {} <==", log.display());
        say!("{}", tail(&log, if service.is_some() { lines } else { lines.min(10) }));
    }
    Ok(())
}

fn part_folders(folder: &Folder) -> Vec<PathBuf> {
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

fn entries(folder: &Path, extension: &str) -> Vec<PathBuf> {
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

async fn readiness(pid_file: &Path) -> &'static str {
    let name = pid_file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let port = ports::written_to(&pid_file.with_file_name(format!("{name}.internal.port")));
    let asked = async {
        let url = format!("http://127.0.0.1:{}/readyz", port?);
        Some(reqwest::get(url).await.ok()?.status().is_success())
    };
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(Some(true)) => "ready",
        _ => "waiting",
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
