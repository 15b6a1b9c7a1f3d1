//! The stack in containers: variables and free ports for the compose file, then `docker compose`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use devstack::services::{SERVICES, Surroundings, Telegram, schemas};
use devstack::{DatabaseRole, Error, PostgresUrl, ports, random_secret, read_pairs, write_pairs};
use serde_json::Value;

use super::folder::docker_answers;
use super::native::{self, DATABASE, bot, demo_owner};
use super::secrets::Secrets;
use super::{EnvFile, Folder, Report, settings};
use crate::words::say;

/// The file with the project name, ports, replicas and images for the compose file.
const SETTINGS: &str = "compose/settings.env";

/// The superuser that the compose file names.
const SUPERUSER: &str = "cyberstore";

/// The published ports, each with its usual number.
const PORTS: [(&str, u16); 5] = [
    ("GATEWAY_PORT", 8080),
    ("POSTGRES_PORT", 5432),
    ("REDIS_PORT", 6379),
    ("KAFKA_PORT", 9094),
    ("BOT_API_PORT", 8081),
];

pub(super) async fn up(folder: &Folder, report: &Report) -> Result<EnvFile, Error> {
    for name in super::folder::NAMED_SERVERS {
        if env::var(name).is_ok_and(|value| !value.is_empty()) {
            say!("  {name} is set in the environment; containers use their own servers, STACK=native would use it");
        }
    }
    let before = EnvFile::read(folder)?;
    let telegram = bot(&before)?;
    settings::refuse_values()?;
    let secrets = Secrets::kept_in(folder)?;
    let own = folder.join("compose");
    let spans = own.join("spans");
    fs::create_dir_all(&spans).map_err(Error::file("create", &spans))?;
    // The containers' user does not exist on this machine and must be able to write here.
    fs::set_permissions(&spans, fs::Permissions::from_mode(0o1777)).map_err(Error::file("open up", &spans))?;
    let ports = published(folder)?;
    for (name, variables) in variables(&secrets, telegram.as_ref()) {
        write_pairs(&own.join(format!("{name}.env")), &variables)?;
    }
    write_settings(folder, &ports, telegram.is_none())?;
    report.done("secrets", &format!("one file per container, mode 600, in {}", own.display()));

    say!("          building the images (the first time compiles everything: many minutes)");
    run(folder, &["build"]).await?;
    report.done("images", "built");
    run(folder, &["up", "--detach", "--wait", "--wait-timeout", "300", "--remove-orphans"]).await?;
    report.done("containers", "healthy");

    let port = |name: &str| ports.get(name).copied().unwrap_or_default();
    let database = PostgresUrl {
        user: SUPERUSER.to_owned(),
        password: secrets.superuser,
        host: format!("127.0.0.1:{}", port("POSTGRES_PORT")),
        database: DATABASE.to_owned(),
        options: String::new(),
    };
    let mut file = EnvFile::default();
    file.set("GATEWAY_URL", format!("http://127.0.0.1:{}", port("GATEWAY_PORT")));
    file.set("DATABASE_URL", database.to_string());
    file.set("REDIS_URL", format!("redis://127.0.0.1:{}", port("REDIS_PORT")));
    file.set("KAFKA_BROKERS", format!("127.0.0.1:{}", port("KAFKA_PORT")));
    let settings = read_pairs(&folder.join(SETTINGS))?;
    file.set("KAFKA_NAMESPACE", settings.get("KAFKA_NAMESPACE").cloned().unwrap_or_default());
    let stand_in = telegram.is_none();
    let url = telegram.map_or_else(|| format!("http://127.0.0.1:{}", port("BOT_API_PORT")), |bot| bot.url);
    native::bot_api(&mut file, url, stand_in);
    file.set("SETUP_TOKEN", secrets.setup_token);
    demo_owner(&mut file, secrets.demo_password);
    file.set("SERVICES_INTERNAL", internal_addresses(folder).await?);
    native::spans(&mut file, &spans);
    Ok(file)
}

pub(super) async fn down(folder: &Folder, with_data: bool) -> Result<(), Error> {
    if !folder.join(SETTINGS).is_file() {
        say!("no container was started from here");
        return Ok(());
    }
    let mut arguments = vec!["down", "--remove-orphans", "--timeout", "30"];
    if with_data {
        arguments.push("--volumes");
    }
    run(folder, &arguments).await?;
    if !with_data {
        say!("everything is down; the data is kept in Docker's volumes (`make reset` removes them)");
    }
    Ok(())
}

/// Prints a line for every container; the reply is whether all of them run and are healthy, or did their one job.
pub(super) async fn status(folder: &Folder) -> Result<bool, Error> {
    run(folder, &["ps", "--all", "--format", "table {{.Service}}\t{{.Status}}\t{{.Ports}}"]).await?;
    say!();
    say!("gateway: {}", EnvFile::read(folder)?.get("GATEWAY_URL").unwrap_or("-"));
    let containers = containers(folder).await?;
    Ok(!containers.is_empty() && containers.iter().all(is_well))
}

fn is_well(container: &Value) -> bool {
    match container["State"].as_str().unwrap_or_default() {
        "running" => matches!(container["Health"].as_str().unwrap_or_default(), "" | "healthy"),
        // What bootstraps and migrates ends.
        "exited" => container["ExitCode"] == 0,
        _ => false,
    }
}

pub(super) async fn logs(folder: &Folder, service: Option<&str>, lines: usize, follow: bool) -> Result<(), Error> {
    let lines = lines.to_string();
    let mut arguments = vec!["logs", "--no-color", "--tail", &lines];
    arguments.extend(follow.then_some("--follow"));
    arguments.extend(service);
    run(folder, &arguments).await
}

pub(super) async fn migrate(folder: &Folder) -> Result<(), Error> {
    run(folder, &["run", "--rm", "bootstrap"]).await?;
    for schema in schemas() {
        run(folder, &["run", "--rm", "--no-deps", &format!("{schema}-migrate")]).await?;
    }
    Ok(())
}

/// The ports of last time (our own containers may hold them), else the usual ones, else free ones.
fn published(folder: &Folder) -> Result<BTreeMap<&'static str, u16>, Error> {
    let before = read_pairs(&folder.join(SETTINGS))?;
    let port = |name: &str, usual| match before.get(name).and_then(|port| port.parse().ok()) {
        Some(port) => Ok(port),
        None => ports::choose(Some(usual)),
    };
    PORTS.into_iter().map(|(name, usual)| Ok((name, port(name, usual)?))).collect()
}

/// The variables of each container that gets some, by the name of its file in the compose file.
fn variables(secrets: &Secrets, telegram: Option<&Telegram>) -> BTreeMap<String, BTreeMap<String, String>> {
    let surroundings = Surroundings {
        database: PostgresUrl {
            user: SUPERUSER.to_owned(),
            password: secrets.superuser.clone(),
            host: "postgres:5432".to_owned(),
            database: DATABASE.to_owned(),
            options: String::new(),
        },
        passwords: secrets.roles.clone(),
        redis_url: "redis://redis:6379".to_owned(),
        kafka_brokers: "kafka:9092".to_owned(),
        kafka_namespace: String::new(),
        telegram: telegram.cloned().unwrap_or_else(|| Telegram::stand_in("http://bot-api:8081")),
        setup_token: secrets.setup_token.clone(),
        signing_key_secret: secrets.signing_key_secret.clone(),
        more: Vec::new(),
    };
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let superuser = surroundings.database.to_string();
    let mut files = BTreeMap::from([
        ("postgres".to_owned(), BTreeMap::from([pair("POSTGRES_PASSWORD", secrets.superuser.clone())])),
        (
            "bootstrap".to_owned(),
            BTreeMap::from([pair("DATABASE_URL", superuser), pair("DATABASE_PASSWORDS", secrets.roles.to_list())]),
        ),
    ]);
    for service in SERVICES {
        let needs = surroundings.needs_of(service, 1, |other, port| format!("http://{other}:{port}"));
        let mut own: BTreeMap<String, String> = needs.into_iter().collect();
        own.extend([pair("TRACE_FILE", format!("/spans/{}.ndjson", service.name))]);
        own.extend(service.port.map(|port| pair("HTTP_ADDRESS", format!("0.0.0.0:{port}"))));
        files.insert(service.name.to_owned(), own);
    }
    for schema in schemas() {
        let owner = pair("DATABASE_OWNER_URL", surroundings.database_url(schema, DatabaseRole::Owner));
        files.insert(format!("{schema}-migrate"), BTreeMap::from([owner]));
    }
    files
}

/// The variables of the compose file itself. They are kept, so that `down` and `status` mean the same project.
fn write_settings(folder: &Folder, ports: &BTreeMap<&str, u16>, stand_in: bool) -> Result<(), Error> {
    let file = folder.join(SETTINGS);
    let before = read_pairs(&file)?;
    // Two checkouts on one engine must not take each other's containers.
    let project = before.get("COMPOSE_PROJECT_NAME").cloned();
    let project = project.unwrap_or_else(|| format!("cyber-store-{}", random_secret()[..6].to_ascii_lowercase()));
    let mut settings: BTreeMap<String, String> =
        ports.iter().map(|(name, port)| ((*name).to_owned(), port.to_string())).collect();
    let mut put = |name: &str, value: String| settings.insert(name.to_owned(), value);
    put("COMPOSE_PROJECT_NAME", project);
    put("DEV_DIR", folder.path().display().to_string());
    put("REPLICAS", settings::replicas()?.to_string());
    put("COMPOSE_PROFILES", if stand_in { "stand-in" } else { "" }.to_owned());
    for name in [
        "POSTGRES_IMAGE",
        "REDIS_IMAGE",
        "KAFKA_IMAGE",
        "RUST_IMAGE",
        "RUNTIME_IMAGE",
        "BUILD_PROFILE",
        "KAFKA_NAMESPACE",
    ] {
        if let Some(value) = env::var(name).ok().or_else(|| before.get(name).cloned()) {
            put(name, value);
        }
    }
    write_pairs(&file, &settings)
}

/// Every container of this stack, as Compose describes it.
async fn containers(folder: &Folder) -> Result<Vec<Value>, Error> {
    let output = compose(folder, &["ps", "--all", "--format", "json"])?.output().await;
    let output: Output = output.map_err(|source| Error::Spawn { program: "docker compose".to_owned(), source })?;
    // One container per line; Compose before 2.21 writes all of them as one list.
    let text = String::from_utf8_lossy(&output.stdout);
    let values = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(values.flat_map(|value| if let Value::Array(list) = value { list } else { vec![value] }).collect())
}

/// `service=http://127.0.0.1:port` for every replica's internal port, as Docker published it.
async fn internal_addresses(folder: &Folder) -> Result<String, Error> {
    let mut all = Vec::new();
    for container in containers(folder).await? {
        let service = container["Service"].as_str().unwrap_or_default();
        if !SERVICES.iter().any(|known| known.name == service) {
            continue;
        }
        for publisher in container["Publishers"].as_array().into_iter().flatten() {
            if publisher["TargetPort"] == 9100 && publisher["PublishedPort"] != 0 {
                all.push(format!("{service}=http://127.0.0.1:{}", publisher["PublishedPort"]));
            }
        }
    }
    Ok(all.join(","))
}

fn compose(folder: &Folder, arguments: &[&str]) -> Result<tokio::process::Command, Error> {
    let settings = folder.join(SETTINGS);
    let mut command = tokio::process::Command::new("docker");
    command
        .arg("compose")
        .arg("--project-directory")
        .arg(folder.project())
        .arg("--file")
        .arg(folder.project().join("docker-compose.yml"))
        .arg("--env-file")
        .arg(&settings)
        // For Compose the environment goes before the file, and a shell's DEV_DIR or GATEWAY_PORT must not.
        .envs(read_pairs(&settings)?)
        .args(arguments)
        .stdin(Stdio::null());
    Ok(command)
}

async fn run(folder: &Folder, arguments: &[&str]) -> Result<(), Error> {
    if !docker_answers().await {
        return Err(Error::Refused(format!(
            "this stack runs in containers ({}), and no Docker engine with Compose answers; start the engine and run this again",
            folder.path().display()
        )));
    }
    let status = compose(folder, arguments)?
        .status()
        .await
        .map_err(|source| Error::Spawn { program: "docker compose".to_owned(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        command: format!("docker compose {}", arguments.join(" ")),
        status: status.to_string(),
        output: "its output is above; `make logs SERVICE=<name>` and `make status` say more".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use devstack::Passwords;

    use super::*;

    fn files() -> BTreeMap<String, BTreeMap<String, String>> {
        let secret = |text: &str| text.to_owned();
        let secrets = Secrets {
            roles: Passwords::for_tests(),
            superuser: secret("super"),
            setup_token: secret("token"),
            signing_key_secret: secret("key"),
            demo_password: secret("demo"),
        };
        variables(&secrets, None)
    }

    #[test]
    fn every_file_that_the_compose_file_names_is_written_and_no_other() {
        let named: BTreeSet<&str> = include_str!("../../../../docker-compose.yml")
            .split("}/compose/")
            .skip(1)
            .filter_map(|rest| rest.split_once(".env\"]").map(|(name, _)| name).filter(|name| !name.contains('"')))
            .collect();
        assert_eq!(files().keys().map(String::as_str).collect::<BTreeSet<_>>(), named);
    }

    #[test]
    fn a_container_is_well_while_it_is_healthy_and_when_its_one_job_is_done() {
        let container = |state: &str, health: &str, code: i32| {
            is_well(&serde_json::json!({"State": state, "Health": health, "ExitCode": code}))
        };
        assert!(container("running", "healthy", 0) && container("running", "", 0) && container("exited", "", 0));
        assert!(!container("running", "starting", 0) && !container("running", "unhealthy", 0));
        assert!(!container("exited", "", 1) && !container("restarting", "", 0));
    }

    #[test]
    fn a_container_finds_the_others_by_their_names() {
        let files = files();
        assert_eq!(files["gateway"]["ORDER_URLS"], "http://order:7104");
        assert_eq!(files["gateway"]["HTTP_ADDRESS"], "0.0.0.0:8080");
        assert_eq!(files["order"]["DATABASE_URL"], "postgres://order_app:test@postgres:5432/cyberstore");
        assert_eq!(files["notifier"]["BOT_API_URL"], "http://bot-api:8081");
        assert!(!files["order-migrate"].contains_key("SETUP_TOKEN"));
    }
}
