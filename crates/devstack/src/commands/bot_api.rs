//! `devstack bot-api`: the stand-in as a program.

use std::net::SocketAddr;

use crate::words::say;
use devstack::Error;
use devstack::bot_api::{self, Settings};
use tokio::signal::unix::{SignalKind, signal};

/// The port in its container.
pub(super) const PORT: u16 = 8081;

pub(super) async fn serve(address: SocketAddr) -> Result<(), Error> {
    let server = bot_api::start_with(Settings { address, ..Settings::default() })?;
    say!("a stand-in for Telegram's Bot API at {}; messages at {}/messages", server.url(), server.url());
    let listen = |kind| signal(kind).map_err(|error| Error::Refused(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
