//! What devstack does in its own containers of the compose file.

use devstack::{Error, Passwords};

use super::bot_api::PORT;
use crate::words::say;

/// Creates roles and schemas in `DATABASE_URL`.
pub(super) async fn bootstrap() -> Result<(), Error> {
    let set = |name: &str| std::env::var(name).map_err(|_| Error::Refused(format!("{name} is not set")));
    let passwords = Passwords::from_list(&set("DATABASE_PASSWORDS")?)?;
    devstack::bootstrap(&set("DATABASE_URL")?.parse()?, &passwords).await?;
    say!("roles and schemas are there");
    Ok(())
}

/// Succeeds when the Bot API stand-in of this container answers.
pub(super) async fn health() -> Result<(), Error> {
    let reply = reqwest::get(format!("http://127.0.0.1:{PORT}/health")).await;
    reply.and_then(reqwest::Response::error_for_status).map(drop).map_err(Error::http("ask the Bot API stand-in"))
}
