//! Redis: a cache, so nothing of it is kept on disk.

use std::fs;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Check, Place, Server, programs};
use crate::Error;
use crate::process::{Launch, Signal};

/// A Redis server on 127.0.0.1.
#[derive(Debug)]
pub struct Redis {
    /// The process: kill, pause, restart.
    pub server: Server,
    port: u16,
}

impl Redis {
    /// Starts the Redis of this place unless it runs; it answers when this returns.
    ///
    /// # Errors
    /// When the program is missing or does not start.
    pub async fn start(place: Place) -> Result<Self, Error> {
        fs::create_dir_all(&place.folder).map_err(Error::file("create", &place.folder))?;
        let launch = Launch::new("redis", programs::redis()?, &place.folder);
        let port = place.port(&launch)?;
        let port_text = port.to_string();
        // When it is full, the entries that were not used for longest are dropped.
        let memory = ["--maxmemory", "512mb", "--maxmemory-policy", "allkeys-lru"];
        let disk = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"];
        let launch = ["--port", &port_text, "--bind", "127.0.0.1"]
            .into_iter()
            .chain(memory)
            .chain(disk)
            .fold(launch, Launch::argument)
            .argument(&place.folder);
        let server = Server::start(launch, Check::Redis(port), Signal::SIGKILL, &place).await?;
        Ok(Self { server, port })
    }

    /// `redis://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

/// Whether a Redis on this port answers PONG.
pub(super) async fn answers(port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0_u8; 5];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(&answer == b"+PONG")
    };
    asked.await.unwrap_or(false)
}
