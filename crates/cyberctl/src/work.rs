//! Work that a service does at an operator's request: rebuilding a read model, retrying what failed.
//! The rule it keeps: one replica does it for all of its service; where one cannot be reached, the next one is asked.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Report, short};
use crate::services::{Replica, answer, client};

/// How long the work may take; to rebuild a million products takes minutes.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Rebuilds a read model of a service.
pub(crate) async fn rebuild(environment: &Environment, service: &str, projection: &str) -> Result<Report, Error> {
    let done = request(&environment.services()?, service, &format!("rebuild/{projection}")).await?;
    Ok(done.report("Rebuilt", "projection", projection))
}

/// Retries what failed in a service; without its name, in the first service that has a retry of this name.
pub(crate) async fn retry(environment: &Environment, service: Option<&str>, name: &str) -> Result<Report, Error> {
    let replicas = environment.services()?;
    let path = format!("retry/{name}");
    if let Some(service) = service {
        return Ok(request(&replicas, service, &path).await?.report("Retried", "name", name));
    }
    let services = names(&replicas);
    let mut unreachable = None;
    for service in &services {
        match request(&replicas, service, &path).await {
            Ok(done) => return Ok(done.report("Retried", "name", name)),
            Err(Error::Refused { status: 404, .. }) => {}
            Err(error @ Error::Unreachable { .. }) => unreachable = Some(error),
            Err(error) => return Err(error),
        }
    }
    // A service that did not answer may be the one that has it.
    Err(unreachable.unwrap_or_else(|| Error::UnknownRetry { name: name.to_owned(), services: services.join(", ") }))
}

/// The names of the services, each once.
fn names(replicas: &[Replica]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for replica in replicas {
        if !names.contains(&replica.service.as_str()) {
            names.push(&replica.service);
        }
    }
    names
}

/// What a replica has done.
struct Done<'a> {
    service: &'a str,
    seconds: f64,
    reply: Value,
}

/// Posts to the internal port of the first replica of a service that can be reached.
async fn request<'a>(replicas: &[Replica], service: &'a str, path: &str) -> Result<Done<'a>, Error> {
    let mut of_service = replicas.iter().filter(|replica| replica.service == service);
    let Some(mut replica) = of_service.next() else {
        return Err(Error::UnknownService { service: service.to_owned(), known: names(replicas).join(", ") });
    };
    let http = client(PATIENCE)?;
    let started = Instant::now();
    let (address, (status, body)) = loop {
        let address = format!("{}/{path}", replica.address);
        match (answer(http.post(&address), &address).await, of_service.next()) {
            // It may have been done and only its answer lost; doing it again does no harm.
            (Err(Error::Unreachable { .. }), Some(next)) => replica = next,
            (answered, _) => break (address, answered?),
        }
    };
    if !(200..300).contains(&status) {
        return Err(Error::Refused { address, status, body: short(&body, 500) });
    }
    let reply = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Ok(Done { service, seconds: started.elapsed().as_secs_f64(), reply })
}

impl Done<'_> {
    /// The report: `verb` begins the sentence, `key` is the name of `name` in the JSON.
    fn report(self, verb: &str, key: &str, name: &str) -> Report {
        let Self { service, seconds, reply } = self;
        let rows = reply.get("rows").and_then(Value::as_u64);
        let text = match rows {
            Some(rows) => format!("{verb} {name} of {service}: {rows} rows in {seconds:.1} s"),
            None => format!("{verb} {name} of {service} in {seconds:.1} s: {reply}"),
        };
        let data = json!({"service": service, key: name, "rows": rows, "seconds": seconds, "reply": reply});
        Report::new(text, &data, true)
    }
}
