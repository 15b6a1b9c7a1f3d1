//! Free ports on the loopback address: the usual one when nobody has it, else one below the
//! range that the kernel hands to outgoing connections, so that a server can come back to it.

use std::net::{Ipv4Addr, TcpListener};

use rand::RngExt;

use crate::Error;

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
    (0..500).map(|_| random.random_range(15_000..32_000)).find(|port| is_free(*port)).ok_or_else(|| {
        Error::Refused("no free port between 15000 and 32000 on 127.0.0.1; stop something and try again".to_owned())
    })
}
