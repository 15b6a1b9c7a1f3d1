//! The variables of the environment that `make up` reads itself.
//! The rule it keeps: what is wrong with any of them is said at once, all of it, before anything is built or started.

use std::env;

use devstack::{Error, program_faults};

use super::native::{named, set};
use super::{EnvFile, Folder};

/// `REPLICAS`, 1 by default.
pub(super) fn replicas() -> Result<u32, Error> {
    replicas_of(&env::var("REPLICAS").unwrap_or_default())
}

fn replicas_of(text: &str) -> Result<u32, Error> {
    match text {
        "" => Ok(1),
        text => text
            .parse()
            .ok()
            .filter(|number| (1..=9).contains(number))
            .ok_or_else(|| Error::Refused(format!("REPLICAS is {text:?}; it must be a number from 1 to 9"))),
    }
}

/// Refuses values that no part of the stack could run with.
pub(super) fn refuse_values() -> Result<(), Error> {
    refuse(all_value_faults())
}

/// Refuses these, and programs of servers that are not there.
pub(super) fn refuse_faults(folder: &Folder, before: &EnvFile) -> Result<(), Error> {
    let mut faults = all_value_faults();
    // Programs of servers that the environment names are not needed.
    let own = |name: &str, port: &str| named(name, before, &folder.join(port)).is_none();
    if own("DATABASE_URL", "postgres/postgres.port")
        && own("REDIS_URL", "redis/redis.port")
        && own("KAFKA_BROKERS", "kafka/kafka.port")
    {
        faults.extend(program_faults().iter().map(ToString::to_string));
    }
    refuse(faults)
}

fn refuse(faults: Vec<String>) -> Result<(), Error> {
    if faults.is_empty() { Ok(()) } else { Err(Error::Refused(faults.join("\n  "))) }
}

fn all_value_faults() -> Vec<String> {
    let replicas = replicas().err().into_iter().map(|fault| fault.to_string());
    replicas.chain(value_faults(set)).collect()
}

/// Variables that have a closed set of values, or a form.
fn value_faults(set: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, known) in [("LOG_FORMAT", ["text", "json"]), ("BUILD_PROFILE", ["release", "dev"])] {
        if let Some(value) = set(name).filter(|value| !known.contains(&value.as_str())) {
            faults.push(format!("{name} is {value:?}; it must be {} or {}", known[0], known[1]));
        }
    }
    if set("REDIS_URL").is_some_and(|url| !url.starts_with("redis://") && !url.starts_with("rediss://")) {
        faults.push("REDIS_URL must begin with redis:// or rediss://".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_replicas_is_from_one_to_nine() {
        assert_eq!((replicas_of("").unwrap(), replicas_of("9").unwrap()), (1, 9));
        for refused in ["0", "10", "abc", "-1"] {
            assert!(replicas_of(refused).unwrap_err().to_string().contains("from 1 to 9"), "{refused}");
        }
    }

    #[test]
    fn every_fault_is_told_and_no_password_is() {
        let faults = value_faults(|name| {
            let value = match name {
                "LOG_FORMAT" => "xml",
                "BUILD_PROFILE" => "fast",
                "REDIS_URL" => "http://:secret@cache",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(!faults.concat().contains("secret"), "{faults:?}");
        assert!(value_faults(|name| (name == "LOG_FORMAT").then(|| "json".to_owned())).is_empty());
    }
}
