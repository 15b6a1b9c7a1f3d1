//! Building a read model again: one replica does it, for all; the next one where one cannot be reached.

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
    let mut replicas = services.iter().filter(|replica| replica.service == service);
    let Some(mut replica) = replicas.next() else {
        let mut known: Vec<&str> = services.iter().map(|replica| replica.service.as_str()).collect();
        known.dedup();
        return Err(Error::UnknownService { service: service.to_owned(), known: known.join(", ") });
    };
    let http = client(PATIENCE)?;
    let started = Instant::now();
    let (address, (status, body)) = loop {
        let address = format!("{}/rebuild/{projection}", replica.address);
        match (answer(http.post(&address), &address).await, replicas.next()) {
            // A rebuild whose answer was lost may be run again.
            (Err(Error::Unreachable { .. }), Some(next)) => replica = next,
            (answered, _) => break (address, answered?),
        }
    };
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
