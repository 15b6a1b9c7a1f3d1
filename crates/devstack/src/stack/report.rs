//! What `make up` says while it works, and what it ends with.

use std::time::Instant;

use super::{EnvFile, Folder};

/// Lines with the time that has passed.
pub(crate) struct Report {
    begun: Instant,
}

impl Report {
    pub(crate) fn begin(headline: &str) -> Self {
        println!("{headline}");
        Self { begun: Instant::now() }
    }

    /// One thing that is done now.
    pub(crate) fn done(&self, what: &str, detail: &str) {
        println!("  {:>5.1} s  {what:<14} {detail}", self.begun.elapsed().as_secs_f64());
    }

    /// The summary for a person in a hurry.
    pub(crate) fn end(&self, env: &EnvFile, folder: &Folder) {
        let value = |name: &str| env.get(name).unwrap_or("-").to_owned();
        println!();
        println!("ready after {:.1} s", self.begun.elapsed().as_secs_f64());
        println!("  gateway      {}", value("GATEWAY_URL"));
        println!("  API document {}/openapi.json", value("GATEWAY_URL"));
        println!(
            "  login        organisation {}, {} / {}",
            value("DEMO_ORGANISATION"),
            value("DEMO_EMAIL"),
            value("DEMO_PASSWORD")
        );
        println!(
            "  messages     {}",
            if value("BOT_API_URL").starts_with("https:") {
                "Telegram".to_owned()
            } else {
                format!("{}/messages (stand-in for Telegram)", value("BOT_API_URL"))
            }
        );
        println!("  for scripts  . {}/env", folder.path().display());
        println!("next: make demo");
    }
}
