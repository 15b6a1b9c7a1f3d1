//! A service's own program as a process, on the servers and topics of a scene.
//! The rule it keeps: it sees no variable of the test's, says no secret, and ends with the test, however that ends.

use std::process::ExitStatus;
use std::time::Duration;

use devstack::DatabaseRole;
use devstack::process::{Launch, Process, Signal};

use crate::{Mint, Scene, eventually, must, secrets};

/// How long an orderly stop may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
pub struct Program {
    process: Process,
    http: String,
    internal: String,
}

impl Program {
    /// Starts `executable` (`env!("CARGO_BIN_EXE_order")`) serving, with what the scene has for it and `more` variables.
    /// It is not waited for.
    #[must_use]
    pub fn serve(scene: &Scene, executable: &str, more: &[(&str, &str)]) -> Self {
        let address = || format!("127.0.0.1:{}", must(devstack::ports::choose(None), "find a port"));
        let (http, internal, kafka) = (address(), address(), scene.messaging());
        let folder = must(devstack::temporary_folder("program"), "make a folder");
        let mut launch = Launch::new(&kafka.service, executable, &folder)
            .argument("serve")
            .variable("DATABASE_URL", scene.url(DatabaseRole::App))
            .variable("DATABASE_SYSTEM_URL", scene.url(DatabaseRole::System))
            .variable("KAFKA_BROKERS", kafka.brokers)
            .variable("KAFKA_NAMESPACE", kafka.namespace)
            .variable("REDIS_URL", &scene.cluster().redis_url)
            .variable("TOKEN_ISSUER", Mint::ISSUER)
            .variable("TOKEN_AUDIENCE", Mint::AUDIENCE)
            .variable("HTTP_ADDRESS", &http)
            .variable("INTERNAL_ADDRESS", &internal);
        for (name, value) in more.iter().filter(|(name, _)| name.ends_with("_TOKEN") || name.ends_with("_SECRET")) {
            secrets::note(name, value);
        }
        launch.environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        launch.hidden = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        Self {
            process: must(launch.start(), "start the program"),
            http: format!("http://{http}"),
            internal: format!("http://{internal}"),
        }
    }

    /// Where it takes requests.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.http
    }

    /// Where it takes operators' requests.
    #[must_use]
    pub fn internal(&self) -> &str {
        &self.internal
    }

    /// Everything that it has written to its output.
    #[must_use]
    pub fn said(&self) -> String {
        must(std::fs::read_to_string(self.process.log()), "read what the program said")
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// When it has said a secret that this test process used.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.signal(Signal::SIGTERM);
        let status = eventually(PATIENCE, async || self.process.status()).await;
        if let Some(leak) = secrets::leak_in(self.said().as_bytes()) {
            panic!("the program said {leak}");
        }
        status
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.signal(Signal::SIGKILL);
    }
}
