//! PostgreSQL: a cluster in a folder of its own, run as the user `postgres` when this process is root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{User, geteuid};

use super::{Check, Place, Server, programs};
use crate::postgres_url::PostgresUrl;
use crate::process::{Launch, Signal};
use crate::{Error, connect};

/// The superuser of a cluster that this crate created.
pub(crate) const SUPERUSER: &str = "cyberstore";

/// A PostgreSQL server on 127.0.0.1.
#[derive(Debug)]
pub struct Postgres {
    /// The process: kill, pause, restart.
    pub server: Server,
    url: PostgresUrl,
}

impl Postgres {
    /// Starts the cluster in this place unless it runs, and creates it first if the folder is new. It answers when this
    /// returns.
    ///
    /// `password` is the superuser's; it is used only when the cluster is created.
    ///
    /// # Errors
    /// When the programs are missing, or the cluster cannot be created or started.
    pub async fn start(place: Place, password: &str) -> Result<Self, Error> {
        let programs = programs::postgres()?;
        let run_as = run_as()?;
        fs::create_dir_all(&place.folder).map_err(Error::file("create", &place.folder))?;
        let data = place.folder.join("postgres");
        if !data.join("PG_VERSION").is_file() {
            create(&programs, &place.folder, &data, password, run_as).await?;
        }
        let mut launch = Launch::new("postgres", programs.join("postgres"), &place.folder);
        launch.run_as = run_as;
        let port = place.port(&launch)?;
        let launch = settings(place.temporary, port)
            .into_iter()
            .fold(launch.argument("-D").argument(&data), |launch, setting| launch.argument("-c").argument(setting));
        let url = PostgresUrl {
            user: SUPERUSER.to_owned(),
            password: password.to_owned(),
            host: format!("127.0.0.1:{port}"),
            database: "postgres".to_owned(),
            options: String::new(),
        };
        // SIGQUIT ends it at once and still frees its shared memory, which SIGKILL does not.
        let server = Server::start(launch, Check::Postgres(url.clone()), Signal::SIGQUIT, &place).await?;
        Ok(Self { server, url })
    }

    /// The superuser's URL to this database of the cluster.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url.with_database(database).to_string()
    }
}

/// The user to run as, when this process is root: PostgreSQL refuses to run as root.
fn run_as() -> Result<Option<(u32, u32)>, Error> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    match User::from_name("postgres") {
        Ok(Some(user)) => Ok(Some((user.uid.as_raw(), user.gid.as_raw()))),
        _ => Err(Error::Refused(
            "PostgreSQL refuses to run as root and there is no user `postgres`; install PostgreSQL's package or run as another user".to_owned(),
        )),
    }
}

fn settings(temporary: bool, port: u16) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // No socket file: its path has a length limit, which a deeply nested checkout would exceed.
        "unix_socket_directories=".to_owned(),
        "max_connections=400".to_owned(),
        "log_line_prefix=%m [%p] %u@%d ".to_owned(),
    ];
    if temporary {
        // `synchronous_commit` stays on: without it a killed server loses what it acknowledged, and fault tests kill it.
        settings.extend(["fsync=off", "full_page_writes=off", "log_checkpoints=off"].map(ToOwned::to_owned));
    } else {
        // Fresh statistics: a new shop fills its tables within a minute, and a plan that was made while they were empty
        // reads all of them for each batch.
        let kept = ["shared_buffers=256MB", "max_wal_size=2GB", "autovacuum_naptime=5s"];
        settings.extend(kept.map(ToOwned::to_owned));
    }
    settings
}

async fn create(
    programs: &Path,
    folder: &Path,
    data: &Path,
    password: &str,
    run_as: Option<(u32, u32)>,
) -> Result<(), Error> {
    // initdb refuses a folder that a killed initdb left behind.
    if data.exists() {
        fs::remove_dir_all(data).map_err(Error::file("remove", data))?;
    }
    fs::create_dir_all(data).map_err(Error::file("create", data))?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).map_err(Error::file("protect", data))?;
    let password_file = folder.join("postgres.password");
    fs::write(&password_file, password).map_err(Error::file("write", &password_file))?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))
        .map_err(Error::file("protect", &password_file))?;
    let mut command = tokio::process::Command::new(programs.join("initdb"));
    if let Some((user, group)) = run_as {
        for path in [data, &password_file] {
            chown(path, Some(user), Some(group)).map_err(Error::file("give away", path))?;
        }
        readable_from_above(folder, user)?;
        command.uid(user).gid(group);
    }
    let output = command
        .args(["-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-k", "--no-sync"])
        .arg("-D")
        .arg(data)
        .arg(format!("--pwfile={}", password_file.display()))
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| Error::Spawn { program: "initdb".to_owned(), source })?;
    fs::remove_file(&password_file).map_err(Error::file("remove", &password_file))?;
    if !output.status.success() {
        return Err(Error::Failed {
            command: format!("initdb -D {}", data.display()),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(())
}

/// Refuses a folder that the user `postgres` cannot reach.
fn readable_from_above(folder: &Path, user: u32) -> Result<(), Error> {
    match closed_above(folder, user)? {
        None => Ok(()),
        Some(above) => Err(Error::Refused(format!(
            "the user `postgres` cannot enter {above}, which is to hold PostgreSQL's data; set DEV_DIR (for tests: TMPDIR) to a folder that it can enter",
            above = above.display()
        ))),
    }
}

/// The first folder at or above this one that this user cannot enter.
fn closed_above(folder: &Path, user: u32) -> Result<Option<PathBuf>, Error> {
    for above in folder.ancestors().filter(|above| above.exists()) {
        let data = fs::metadata(above).map_err(Error::file("read", above))?;
        if data.mode() & 0o001 == 0 && data.uid() != user {
            return Ok(Some(above.to_owned()));
        }
    }
    Ok(None)
}

/// Whether the user as whom PostgreSQL would run can reach this folder.
///
/// # Errors
/// When a folder above it cannot be read, or this process is root and there is no user `postgres`.
pub fn may_hold_postgres(folder: &Path) -> Result<bool, Error> {
    match run_as()? {
        None => Ok(true),
        Some((user, _)) => Ok(closed_above(folder, user)?.is_none()),
    }
}

/// Whether a server answers a query at this URL.
pub(super) async fn answers(url: &PostgresUrl) -> bool {
    let Ok(client) = connect(url).await else { return false };
    client.simple_query("select 1").await.is_ok()
}
