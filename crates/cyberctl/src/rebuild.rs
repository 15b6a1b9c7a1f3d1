//! Building a read model again: one replica does it, for all.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Health, Report, short};
use crate::services::{answer, client};

/// A million products take minutes, not hours.
const PATIENCE: Duration = Duration::from_secs(3_600);

#[derive(Debug, Serialize)]
struct Rebuilt<'a> {
    service: &'a str,
    projection: &'a str,
    rows: Option<u64>,
    seconds: f64,
    reply: Value,
}

pub(crate) async fn rebuild(environment: &Environment, service: &str, projection: &str) -> Result<Report, Error> {
    let services = environment.services()?;
    let Some(replica) = services.iter().find(|replica| replica.service == service) else {
        let mut known: Vec<&str> = services.iter().map(|replica| replica.service.as_str()).collect();
        known.dedup();
        return Err(Error::UnknownService { service: service.to_owned(), known: known.join(", ") });
    };
    let address = format!("{}/rebuild/{projection}", replica.address);
    let started = Instant::now();
    let (status, body) = answer(client(PATIENCE)?.post(&address), &address).await?;
    let seconds = started.elapsed().as_secs_f64();
    if !(200..300).contains(&status) {
        return Err(Error::Refused { address, status, body: short(&body, 500) });
    }
    let reply: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let rows = reply.get("rows").and_then(Value::as_u64);
    let text = match rows {
        Some(rows) => format!("Rebuilt {projection} of {service}: {rows} rows in {seconds:.1} s"),
        None => format!("Rebuilt {projection} of {service} in {seconds:.1} s: {reply}"),
    };
    Ok(Report::new(text, &Rebuilt { service, projection, rows, seconds, reply }, Health::Well))
}
