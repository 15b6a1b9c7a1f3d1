//! The stack in containers: secrets and free ports for the compose file, then `docker compose`.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use devstack::services::{KINDS, Telegram};
use devstack::{DatabaseRole, Error, PostgresUrl, SERVICES, bot_api, ports, random_secret, read_pairs, write_private};
use serde_json::Value;

use super::native::{self, DATABASE, bot, demo_owner, replicas};
use super::secrets::Secrets;
use super::{EnvFile, Folder, Report};
use crate::words::say;

/// Project name, ports, replicas and images, as the compose file takes them from its environment.
const SETTINGS: &str = "compose/settings.env";

/// The superuser that the compose file names.
const SUPERUSER: &str = "cyberstore";

/// The ports that are published, with the usual one of each.
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
    let telegram = bot(&EnvFile::read(folder)?)?;
    let secrets = Secrets::kept_in(folder)?;
    let own = folder.join("compose");
    let spans = own.join("spans");
    fs::create_dir_all(&spans).map_err(Error::file("create", &spans))?;
    // The containers' user is nobody on this machine and must be able to write here.
    fs::set_permissions(&spans, fs::Permissions::from_mode(0o1777)).map_err(Error::file("open up", &spans))?;
    let ports = published(folder)?;
    write_secrets(folder, &secrets, telegram.as_ref())?;
    write_settings(folder, &ports, telegram.is_none())?;
    report.done("secrets", &format!("one file per service, mode 600, in {}", own.display()));

    say!("          building the images (the first time compiles everything: many minutes)");
    run(folder, &["build"]).await?;
    report.done("images", "built");
    run(folder, &["up", "--detach", "--wait", "--wait-timeout", "300", "--remove-orphans"]).await?;
    report.done("containers", "healthy");

    let port = |name: &str| ports.iter().find(|(known, _)| known == name).map_or(0, |(_, port)| *port);
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
    let namespace = settings.into_iter().find(|(name, _)| name == "KAFKA_NAMESPACE");
    file.set("KAFKA_NAMESPACE", namespace.map(|(_, value)| value).unwrap_or_default());
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

pub(super) async fn status(folder: &Folder) -> Result<(), Error> {
    run(folder, &["ps", "--all", "--format", "table {{.Service}}\t{{.Status}}\t{{.Ports}}"]).await?;
    say!();
    say!("gateway: {}", EnvFile::read(folder)?.get("GATEWAY_URL").unwrap_or("-"));
    Ok(())
}

pub(super) async fn logs(folder: &Folder, service: Option<&str>, lines: usize) -> Result<(), Error> {
    let lines = lines.to_string();
    let mut arguments = vec!["logs", "--no-color", "--tail", &lines];
    arguments.extend(service);
    run(folder, &arguments).await
}

pub(super) async fn migrate(folder: &Folder) -> Result<(), Error> {
    run(folder, &["run", "--rm", "bootstrap"]).await?;
    for service in SERVICES {
        run(folder, &["run", "--rm", "--no-deps", &format!("{service}-migrate")]).await?;
    }
    Ok(())
}

/// The ports of the last time, which our own containers may hold; else the usual ones, else free ones.
fn published(folder: &Folder) -> Result<Vec<(String, u16)>, Error> {
    let before = read_pairs(&folder.join(SETTINGS))?;
    PORTS
        .into_iter()
        .map(|(name, usual)| {
            let kept = before.iter().find(|(known, _)| known == name).and_then(|(_, port)| port.parse().ok());
            let port = match kept {
                Some(port) => port,
                None => ports::choose(Some(usual))?,
            };
            Ok((name.to_owned(), port))
        })
        .collect()
}

/// One file per container that needs a secret.
fn write_secrets(folder: &Folder, secrets: &Secrets, telegram: Option<&Telegram>) -> Result<(), Error> {
    let own = folder.join("compose");
    let write = |name: &str, lines: &[(&str, &str)]| {
        let text: String = lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        write_private(&own.join(format!("{name}.env")), &text)
    };
    let database = PostgresUrl {
        user: SUPERUSER.to_owned(),
        password: secrets.superuser.clone(),
        host: "postgres:5432".to_owned(),
        database: DATABASE.to_owned(),
        options: String::new(),
    };
    write("postgres", &[("POSTGRES_PASSWORD", &secrets.superuser)])?;
    write("bootstrap", &[("DATABASE_URL", &database.to_string()), ("DATABASE_PASSWORDS", &secrets.roles.to_list())])?;
    for service in SERVICES {
        let url =
            |role: DatabaseRole| database.with_role(&role.of(service), secrets.roles.of(service, role)).to_string();
        let (owner, app, system) = (url(DatabaseRole::Owner), url(DatabaseRole::App), url(DatabaseRole::System));
        let both = [("DATABASE_URL", app.as_str()), ("DATABASE_SYSTEM_URL", system.as_str())];
        write(&format!("{service}-migrate"), &[&both[..], &[("DATABASE_OWNER_URL", owner.as_str())]].concat())?;
        let more: Vec<(&str, &str)> = match (service, telegram) {
            ("auth", _) => vec![
                ("SETUP_TOKEN", secrets.setup_token.as_str()),
                ("SIGNING_KEY_SECRET", secrets.signing_key_secret.as_str()),
            ],
            ("notifier", Some(bot)) => {
                vec![
                    ("BOT_API_URL", bot.url.as_str()),
                    ("TELEGRAM_BOT_TOKEN", bot.token.as_str()),
                    ("TELEGRAM_CHAT_ID", bot.chat.as_str()),
                ]
            }
            ("notifier", None) => {
                vec![
                    ("BOT_API_URL", "http://bot-api:8081"),
                    ("TELEGRAM_BOT_TOKEN", bot_api::TOKEN),
                    ("TELEGRAM_CHAT_ID", bot_api::CHAT),
                    // The stand-in takes a message a second also in a group.
                    ("TELEGRAM_MESSAGES_PER_MINUTE", "60"),
                ]
            }
            _ => Vec::new(),
        };
        write(service, &[&both[..], &more].concat())?;
    }
    Ok(())
}

/// What the compose file takes from its environment, kept so that `down` and `status` mean the same project.
fn write_settings(folder: &Folder, ports: &[(String, u16)], stand_in: bool) -> Result<(), Error> {
    let file = folder.join(SETTINGS);
    let before = read_pairs(&file)?;
    let project = before.iter().find(|(name, _)| name == "COMPOSE_PROJECT_NAME").map(|(_, value)| value.clone());
    // Two checkouts on one engine must not take each other's containers.
    let project = project.unwrap_or_else(|| format!("cyber-store-{}", random_secret()[..6].to_ascii_lowercase()));
    let mut lines = format!("COMPOSE_PROJECT_NAME={project}\nDEV_DIR={}\n", folder.path().display());
    for (name, port) in ports {
        lines.push_str(&format!("{name}={port}\n"));
    }
    lines.push_str(&format!("REPLICAS={}\n", replicas()?));
    lines.push_str(&format!("COMPOSE_PROFILES={}\n", if stand_in { "stand-in" } else { "" }));
    for name in [
        "POSTGRES_IMAGE",
        "REDIS_IMAGE",
        "KAFKA_IMAGE",
        "RUST_IMAGE",
        "RUNTIME_IMAGE",
        "BUILD_PROFILE",
        "KAFKA_NAMESPACE",
    ] {
        let value = env::var(name)
            .ok()
            .or_else(|| before.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
        if let Some(value) = value {
            lines.push_str(&format!("{name}={value}\n"));
        }
    }
    write_private(&file, &lines)
}

/// `service=http://127.0.0.1:port` of every replica's internal port, as Docker published it.
async fn internal_addresses(folder: &Folder) -> Result<String, Error> {
    let output = compose(folder, &["ps", "--format", "json"])?.output().await;
    let output: Output = output.map_err(|source| Error::Spawn { program: "docker compose".to_owned(), source })?;
    let mut all = Vec::new();
    // A container a line; Compose before 2.21 writes all of them as one list.
    let text = String::from_utf8_lossy(&output.stdout);
    let values = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    for container in values.flat_map(|value| if let Value::Array(list) = value { list } else { vec![value] }) {
        let service = container["Service"].as_str().unwrap_or_default();
        if !KINDS.iter().any(|kind| kind.name == service) {
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
        // Compose prefers its environment to the file: a shell's DEV_DIR or GATEWAY_PORT must not have another word.
        .envs(read_pairs(&settings)?)
        .args(arguments)
        .stdin(Stdio::null());
    Ok(command)
}

async fn run(folder: &Folder, arguments: &[&str]) -> Result<(), Error> {
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
        output: "its own words are above; `make logs SERVICE=<name>` and `make status` say more".to_owned(),
    })
}
