//! The logs of a stack of plain processes as one: by time, each line with the name of the process that wrote it.
//! The rule it keeps: the lines of one log stay in their order, and what has no time of its own follows the line before it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDateTime, TimeZone, Utc};
use devstack::Error;
use devstack::process::tail;

use super::Folder;
use super::status::{entries, part_folders};
use crate::words::say;

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Prints the last lines of the logs of one service or server, or of all of them together, and with `follow` what is written
/// from then on, until the program is interrupted.
pub(super) async fn show(folder: &Folder, name: Option<&str>, lines: usize, follow: bool) -> Result<(), Error> {
    let logs = logs(folder, name);
    if logs.is_empty() {
        return Err(match name {
            Some(name) => {
                let known: Vec<String> = self::logs(folder, None).iter().map(|log| process(log)).collect();
                let known = if known.is_empty() { "nothing has run here".to_owned() } else { known.join(", ") };
                Error::Refused(format!("there is no log of {name:?}; there are those of: {known}"))
            }
            None => Error::Refused("there are no logs yet; `make up` starts the stack".to_owned()),
        });
    }
    let width = logs.iter().map(|log| process(log).len()).max().unwrap_or_default();
    let mut read: BTreeMap<PathBuf, u64> = logs.iter().map(|log| (log.clone(), length(log))).collect();
    let texts: Vec<(String, String)> = logs.iter().map(|log| (process(log), tail(log, lines))).collect();
    let all = merged(&texts);
    print(&all[all.len().saturating_sub(lines)..], width);
    if !follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK).await;
        // A replica that is started meanwhile has a log of its own.
        let texts: Vec<(String, String)> = self::logs(folder, name)
            .iter()
            .map(|log| (process(log), complete_lines_from(log, read.entry(log.clone()).or_default())))
            .collect();
        print(&merged(&texts), width);
    }
}

fn print(lines: &[(String, String)], width: usize) {
    for (name, line) in lines {
        say!("{name:<width$} | {line}");
    }
}

/// Every log, or those of one process or of all replicas of one service. Those of migrations are shown when they are named.
fn logs(folder: &Folder, name: Option<&str>) -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> =
        part_folders(folder).iter().chain([&folder.path().to_owned()]).flat_map(|part| entries(part, "log")).collect();
    logs.retain(|log| {
        let found = process(log);
        match name {
            Some(name) => found == name || found.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')),
            None => !found.ends_with("-migrate"),
        }
    });
    logs.sort();
    logs
}

fn process(log: &Path) -> String {
    log.file_stem().and_then(|name| name.to_str()).unwrap_or("?").to_owned()
}

fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |data| data.len())
}

/// What was written after this position, up to the last complete line; a file that became shorter is read anew.
fn complete_lines_from(log: &Path, position: &mut u64) -> String {
    let mut read = || -> std::io::Result<String> {
        let mut file = fs::File::open(log)?;
        if file.metadata()?.len() < *position {
            *position = 0;
        }
        file.seek(SeekFrom::Start(*position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        *position += complete as u64;
        Ok(String::from_utf8_lossy(&bytes[..complete]).into_owned())
    };
    read().unwrap_or_default()
}

/// The lines of several logs by time, each with the name of its log.
fn merged(texts: &[(String, String)]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, text) in texts {
        let mut at = DateTime::<Utc>::MIN_UTC;
        for line in text.lines() {
            // A clock that goes back reorders no log.
            at = at.max(time(line).unwrap_or(at));
            all.push((at, (name.clone(), line.to_owned())));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, line)| line).collect()
}

/// The time at the start of a line, as our services (text and JSON), PostgreSQL, Kafka and Redis write it.
fn time(line: &str) -> Option<DateTime<Utc>> {
    if line.starts_with('{') {
        let fields: serde_json::Value = serde_json::from_str(line).ok()?;
        return DateTime::parse_from_rfc3339(fields["time"].as_str().or(fields["timestamp"].as_str())?)
            .ok()
            .map(|at| at.to_utc());
    }
    let first = line.split_whitespace().next()?;
    if let Ok(at) = DateTime::parse_from_rfc3339(first) {
        return Some(at.to_utc());
    }
    let local = |text: &str, form: &str| {
        let (at, _) = NaiveDateTime::parse_and_remainder(text, form).ok()?;
        Some(Local.from_local_datetime(&at).earliest()?.to_utc())
    };
    if let Some(kafka) = line.strip_prefix('[') {
        return local(kafka, "%Y-%m-%d %H:%M:%S,%3f");
    }
    if let Ok((at, rest)) = NaiveDateTime::parse_and_remainder(line, "%Y-%m-%d %H:%M:%S%.3f")
        && rest.trim_start().starts_with("UTC")
    {
        return Some(at.and_utc());
    }
    let (_, redis) = line.split_once(' ')?;
    local(redis, "%d %b %Y %H:%M:%S%.3f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_several_logs_stand_in_the_order_of_their_times() {
        let log = |name: &str, lines: &[&str]| (name.to_owned(), lines.join("\n"));
        let all = merged(&[
            log(
                "order-1",
                &["2026-11-28T10:00:01.000Z INFO one", "  belongs to one", "2026-11-28T10:00:04.000Z INFO four"],
            ),
            log("auth-1", &[r#"{"time":"2026-11-28T10:00:02Z","message":"two"}"#]),
            log("postgres", &["2026-11-28 10:00:03.000 UTC [7] LOG:  three"]),
        ]);
        let seen: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(seen, ["order-1", "order-1", "auth-1", "postgres", "order-1"]);
        assert!(all[4].1.ends_with("four"));
    }

    #[test]
    fn the_times_of_every_server_are_read() {
        let local = Local.with_ymd_and_hms(2026, 11, 28, 10, 0, 3).unwrap().to_utc() + Duration::from_millis(5);
        assert_eq!(time("[2026-11-28 10:00:03,005] INFO started (kafka)"), Some(local));
        assert_eq!(time("71:M 28 Nov 2026 10:00:03.005 * Ready to accept connections"), Some(local));
        assert_eq!(time("a line without a time"), None);
    }

    #[test]
    fn a_line_is_followed_when_it_is_complete_and_a_new_file_from_its_start() {
        let folder = devstack::temporary_folder("logs").unwrap();
        let (log, mut position) = (folder.join("order-1.log"), 0);
        fs::write(&log, "one\ntw").unwrap();
        assert_eq!(complete_lines_from(&log, &mut position), "one\n");
        fs::write(&log, "one\ntwo\n").unwrap();
        assert_eq!(complete_lines_from(&log, &mut position), "two\n");
        fs::write(&log, "new\n").unwrap();
        assert_eq!(complete_lines_from(&log, &mut position), "new\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
