//! Kafka: one node that is both broker and controller, from the published jars.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Check, Place, Server, programs};
use crate::process::{Launch, Signal};
use crate::{Error, ports};

/// A Kafka broker on 127.0.0.1.
#[derive(Debug)]
pub struct Kafka {
    /// The process: kill, pause, restart.
    pub server: Server,
    port: u16,
}

impl Kafka {
    /// Starts the broker of this place unless it runs, and formats the folder first if it is new. It answers when this
    /// returns.
    ///
    /// # Errors
    /// When Java or the jars are missing, or the broker does not start.
    pub async fn start(place: Place) -> Result<Self, Error> {
        let java = programs::java()?;
        let jars = programs::kafka_jars().await?;
        fs::create_dir_all(&place.folder).map_err(Error::file("create", &place.folder))?;
        let properties = place.folder.join("kafka.properties");
        let class_path = format!("{}/*", jars.display());
        // A test's broker logs only what went wrong.
        let level = if place.temporary { "warn" } else { "info" };
        let launch =
            ["-Xmx512m", "-Xms64m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:TieredStopAtLevel=4"]
                .into_iter()
                .fold(Launch::new("kafka", &java, &place.folder), Launch::argument)
                .argument(format!("-Dorg.slf4j.simpleLogger.defaultLogLevel={level}"))
                .argument("-Dorg.slf4j.simpleLogger.showDateTime=true")
                .argument("-cp")
                .argument(&class_path)
                .argument("kafka.Kafka")
                .argument(&properties);
        let port = place.port(&launch)?;
        if launch.attach().is_none() {
            let controller = ports::remembered(&place.folder.join("kafka-controller.port"), None)?;
            configure(&place, &properties, port, controller)?;
            if !place.folder.join("kafka/meta.properties").is_file() {
                format(&java, &class_path, &properties).await?;
            }
        }
        let server = Server::start(launch, Check::Kafka(port), Signal::SIGKILL, &place).await?;
        Ok(Self { server, port })
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn configure(place: &Place, properties: &Path, port: u16, controller: u16) -> Result<(), Error> {
    let text = include_str!("kafka.properties")
        .replace("{port}", &port.to_string())
        .replace("{controller}", &controller.to_string())
        .replace("{data}", &place.folder.join("kafka").display().to_string())
        // Milliseconds between the cleaner's rounds; a test that needs compaction waits for one.
        .replace("{cleaner}", if place.temporary { "1000" } else { "15000" });
    fs::write(properties, text).map_err(Error::file("write", properties))
}

async fn format(java: &Path, class_path: &str, properties: &Path) -> Result<(), Error> {
    let output = tokio::process::Command::new(java)
        .args([
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            class_path,
        ])
        .args(["kafka.tools.StorageTool", "format", "--standalone", "-t", &cluster_id(), "-c"])
        .arg(properties)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "java".to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: "kafka.tools.StorageTool format".to_owned(),
        status: output.status.to_string(),
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// 16 random bytes in base64url, as Kafka names its clusters. It never begins with a hyphen, which Kafka's tool would take
/// for an option.
fn cluster_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    // The first character stands for six bits; below 32 it is a letter.
    bytes[0] &= 0x7f;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether the broker answers a metadata request and names itself in the answer.
pub(super) async fn answers(port: u16) -> bool {
    // Length, api key 3 (metadata), version 1, correlation 1, no client id, no topics asked for.
    const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
    let asked = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(&REQUEST).await?;
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await?;
        // Length, correlation, then the number of brokers.
        std::io::Result::Ok(head[8..12] > [0, 0, 0, 0][..] && head[8] == 0)
    };
    asked.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cluster_id_never_begins_like_an_option() {
        for _ in 0..200 {
            let id = super::cluster_id();
            assert_eq!(id.len(), 22);
            assert!(!id.starts_with('-'));
        }
    }
}
