//! What every program says when its environment is wrong: all of it at once, and with the exit code of a wrong use.

use std::process::Command;

use devstack::services::{SERVICES, built_programs};

/// What has a default, or may be missing.
const OPTIONAL: [&str; 4] = ["BOT_API_URL", "SETUP_TOKEN", "OPEN_ORDERS_PER_ADDRESS", "DEFAULT_LOCALE"];

#[test]
fn a_wrong_configuration_of_any_program_is_reported_whole() {
    let programs = built_programs().unwrap();
    for service in SERVICES {
        let name = service.name;
        let mut command = Command::new(programs.join(name));
        let output = command.arg("serve").env_clear().env("HTTP_ADDRESS", "nowhere").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{name}: {said}");
        let needed = service.needs.iter().flat_map(|need| need.variables());
        let needed = needed.chain(["KAFKA_BROKERS".to_owned()]).chain(service.port.map(|_| "HTTP_ADDRESS".to_owned()));
        for variable in needed.filter(|variable| !OPTIONAL.contains(&variable.as_str())) {
            assert!(said.contains(&variable), "{name} does not report {variable}: {said}");
        }
    }
}
