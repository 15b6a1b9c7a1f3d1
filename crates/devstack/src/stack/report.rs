//! What `make up` prints: a line for each step, and the summary at the end.

use std::time::Instant;

use super::{EnvFile, Folder};
use crate::words::say;

/// Prints steps with the time since the begin.
pub(crate) struct Report {
    begun: Instant,
}

impl Report {
    pub(crate) fn begin(headline: &str) -> Self {
        say!("{headline}");
        Self { begun: Instant::now() }
    }

    /// One step that is done.
    pub(crate) fn done(&self, what: &str, detail: &str) {
        say!("  {:>5.1} s  {what:<14} {detail}", self.begun.elapsed().as_secs_f64());
    }

    /// The summary: addresses, login, next command.
    pub(crate) fn end(&self, env: &EnvFile, folder: &Folder) {
        let value = |name: &str| env.get(name).unwrap_or("-").to_owned();
        say!();
        say!("ready after {:.1} s", self.begun.elapsed().as_secs_f64());
        say!("  gateway      {}", value("GATEWAY_URL"));
        say!("  API          {}/docs to read and try it; {0}/openapi.json for programs", value("GATEWAY_URL"));
        say!(
            "  login        organisation {}, {} / {}",
            value("DEMO_ORGANISATION"),
            value("DEMO_EMAIL"),
            value("DEMO_PASSWORD")
        );
        let stand_in = env.get("MESSAGES_URL").map(|url| format!("{url} (stand-in for Telegram)"));
        say!("  messages     {}", stand_in.as_deref().unwrap_or("Telegram"));
        say!("  for scripts  set -a; . {}/env; set +a", folder.path().display());
        say!("next: make demo");
    }
}
