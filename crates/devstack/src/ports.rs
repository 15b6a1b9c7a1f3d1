//! Free ports of 127.0.0.1, and the files that remember which one a server got.
//! The rule it keeps: a port is below the range from which the kernel takes ports for outgoing connections, so that a
//! server finds its own port free when it starts again. No random port is given twice by one process, since a port stays free
//! until its server listens.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rand::RngExt;

use crate::Error;

/// The random ports that this process has given.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Whether a server could listen on this port of 127.0.0.1 now.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The preferred port if it is free, else a random free one.
///
/// # Errors
/// When a few hundred tries found none.
pub fn choose(preferred: Option<u16>) -> Result<u16, Error> {
    if let Some(port) = preferred
        && is_free(port)
    {
        return Ok(port);
    }
    let mut random = rand::rng();
    let is_new = |port: u16| GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    let mut candidates = (0..500).map(|_| random.random_range(15_000..32_000));
    candidates.find(|port| is_free(*port) && is_new(*port)).ok_or_else(|| {
        Error::Refused("no free port between 15000 and 32000 on 127.0.0.1; stop something and try again".to_owned())
    })
}

/// The port that was written to this file.
#[must_use]
pub fn written_to(file: &Path) -> Option<u16> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The port in this file if it is still free, else the preferred one, else a random free one; the file then has it.
///
/// # Errors
/// When no port is free or the file cannot be written.
pub fn remembered(file: &Path, preferred: Option<u16>) -> Result<u16, Error> {
    let port = choose(written_to(file).filter(|port| is_free(*port)).or(preferred))?;
    fs::write(file, port.to_string()).map_err(Error::file("write", file))?;
    Ok(port)
}
