//! The identity of a process: pid and start time. The kernel reuses a pid, but not both together.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Pid and start time (in clock ticks since boot) of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pid: i32,
    started: u64,
}

impl Identity {
    /// The process that has this pid now; none when there is no such process or it is a zombie.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        let started = start_of(pid)?;
        Some(Self { pid, started })
    }

    /// This process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The identity in a pid file, if it can be read.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.started)
    }

    /// How long it has been running; none when the kernel does not say.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        // The units are fixed: seconds for the uptime, ticks of 10 ms for the start.
        let up: f64 = fs::read_to_string("/proc/uptime").ok()?.split(' ').next()?.parse().ok()?;
        Duration::try_from_secs_f64(up).ok()?.checked_sub(Duration::from_millis(self.started.checked_mul(10)?))
    }

    /// Resident memory in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().split(' ').next()?.parse().ok()
    }

    /// Signals this process; does nothing when it is gone.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may end between the check and the call.
            let _gone = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.pid, self.started)
    }
}

impl FromStr for Identity {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pid, started) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { pid: pid.parse()?, started: started.parse()? })
    }
}

/// The start time, field 22 of `/proc/<pid>/stat`; none for a zombie.
fn start_of(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may contain spaces and brackets; the fields come after its last bracket.
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // While other threads of a zombie still end, its sockets stay open: it counts as alive until then.
    let threads: u32 = fields.get(17)?.parse().ok()?;
    if matches!(*fields.first()?, "Z" | "X") && threads <= 1 {
        return None;
    }
    fields.get(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_its_identity_can_be_read_back() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive());
        assert_eq!(own.to_string().parse::<Identity>().unwrap(), own);
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let own = Identity::own().unwrap();
        let earlier = Identity { pid: own.pid, started: own.started.wrapping_sub(1) };
        assert!(!earlier.is_alive());
    }
}
