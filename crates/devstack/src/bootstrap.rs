//! Roles and schemas, from the one SQL file in `deploy/postgres`. Safe to run again and by several processes at once.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::RngExt;
use tokio_postgres::{Client, NoTls};

use crate::Error;
use crate::postgres_url::PostgresUrl;

/// The services that own a schema of the same name.
pub const SERVICES: [&str; 5] = ["auth", "category", "catalog", "order", "notifier"];

/// The text that is rendered.
pub(crate) const BOOTSTRAP: &str = include_str!("../../../deploy/postgres/bootstrap.sql");

/// The marker between what concerns the cluster and what concerns one database.
const DATABASE_PART: &str = "-- part: database";

/// The advisory lock that keeps two bootstraps apart ("boot" in ASCII).
const LOCK: i64 = 0x626f_6f74;

/// The three database roles of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseRole {
    /// Owns schema and tables, runs migrations.
    Owner,
    /// Tenant transactions: row-level security applies.
    App,
    /// Relay, sweeps and login lookups: policies on named tables only.
    System,
}

impl DatabaseRole {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Owner, Self::App, Self::System];

    /// The role's name in PostgreSQL.
    #[must_use]
    pub fn of(self, service: &str) -> String {
        format!("{service}_{self}")
    }
}

impl fmt::Display for DatabaseRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Owner => "owner",
            Self::App => "app",
            Self::System => "system",
        })
    }
}

/// The roles' passwords; never printed.
#[derive(Clone)]
pub struct Passwords(BTreeMap<String, String>);

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passwords(…)")
    }
}

impl Passwords {
    /// One known password for every role: for throw-away servers that listen on 127.0.0.1.
    #[must_use]
    pub fn for_tests() -> Self {
        Self(Self::roles().map(|role| (role, "test".to_owned())).collect())
    }

    /// What the file holds, with a new random password for every role that it lacks; the file has mode 600.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn kept_in(file: &Path) -> Result<Self, Error> {
        let mut passwords: BTreeMap<String, String> = read_pairs(file)?.into_iter().collect();
        let before = passwords.len();
        for role in Self::roles() {
            passwords.entry(role).or_insert_with(random_secret);
        }
        if passwords.len() != before {
            write_private(
                file,
                &passwords.iter().map(|(role, password)| format!("{role}={password}\n")).collect::<String>(),
            )?;
        }
        Ok(Self(passwords))
    }

    /// Reads what [`Passwords::to_list`] wrote.
    ///
    /// # Errors
    /// When the password of a role is not in it.
    pub fn from_list(list: &str) -> Result<Self, Error> {
        let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
        let passwords: BTreeMap<String, String> =
            pairs.map(|(role, password)| (role.to_owned(), password.to_owned())).collect();
        match Self::roles().find(|role| !passwords.contains_key(role)) {
            None => Ok(Self(passwords)),
            Some(role) => Err(Error::Refused(format!(
                "there is no password for the role {role}; give role=password for each of the {} roles, separated by commas",
                Self::roles().count()
            ))),
        }
    }

    /// All of them as `role=password,…`, for the environment of a container.
    #[must_use]
    pub fn to_list(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(role, password)| format!("{role}={password}")).collect();
        pairs.join(",")
    }

    /// The password of this role; empty for a role that is not ours.
    #[must_use]
    pub fn of(&self, service: &str, role: DatabaseRole) -> &str {
        self.0.get(&role.of(service)).map_or("", String::as_str)
    }

    fn roles() -> impl Iterator<Item = String> {
        SERVICES.into_iter().flat_map(|service| DatabaseRole::ALL.map(|role| role.of(service)))
    }
}

/// Makes the roles of every service (cluster-wide) and its schema in the database that `url` names.
///
/// `url` is a superuser's, or that of a role that may make roles and owns the database.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses.
pub async fn bootstrap(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    roles(url, passwords).await?;
    schemas(url, passwords).await
}

/// Makes this database if it is not there; `url` names another database of the same server.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses.
pub async fn ensure_database(url: &PostgresUrl, name: &str) -> Result<(), Error> {
    let client = connect(url).await?;
    let found = client
        .query_opt("select 1 from pg_database where datname = $1", &[&name])
        .await
        .map_err(Error::database("look for the database"))?;
    if found.is_some() {
        return Ok(());
    }
    client.batch_execute(&format!("create database \"{name}\"")).await.map_err(Error::database("create the database"))
}

/// The cluster-wide part only. Serialised by a lock in this very database, so always name the same one.
pub(crate) async fn roles(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    run(url, passwords, |text| text.split(DATABASE_PART).next().unwrap_or_default(), "make the roles").await
}

/// The part that concerns one database.
pub(crate) async fn schemas(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    run(url, passwords, |text| text.split(DATABASE_PART).nth(1).unwrap_or_default(), "make the schemas").await
}

async fn run(url: &PostgresUrl, passwords: &Passwords, part: fn(&str) -> &str, action: &str) -> Result<(), Error> {
    let mut script = format!("begin;\nselect pg_advisory_xact_lock({LOCK});\n");
    for service in SERVICES {
        script.push_str(&render(part(BOOTSTRAP), service, passwords));
    }
    script.push_str("commit;\n");
    let client = connect(url).await?;
    client.batch_execute(&script).await.map_err(Error::database(action))
}

fn render(text: &str, service: &str, passwords: &Passwords) -> String {
    DatabaseRole::ALL.iter().fold(text.replace("{service}", service), |text, role| {
        text.replace(&format!("{{{role}_password}}"), passwords.of(service, *role))
    })
}

/// One plain connection; closed when the client is dropped.
pub(crate) async fn connect(url: &PostgresUrl) -> Result<Client, Error> {
    let action = format!("connect to {}/{} as {}", url.host, url.database, url.user);
    let (client, connection) =
        tokio_postgres::connect(&url.to_string(), NoTls).await.map_err(Error::database(action))?;
    tokio::spawn(async move {
        // The client reports what goes wrong; this task only moves bytes.
        let _ended = connection.await;
    });
    Ok(client)
}

/// 32 letters and digits: nothing that needs quoting in a URL, in SQL or in a shell.
#[must_use]
pub fn random_secret() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut random = rand::rng();
    (0..32).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

/// The `NAME=value` lines of a file; none when there is no file.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn read_pairs(file: &Path) -> Result<Vec<(String, String)>, Error> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
            .collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::file("read", file)(error)),
    }
}

/// Writes a file that only its owner can read, in one step.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(file: &Path, text: &str) -> Result<(), Error> {
    let partial = file.with_extension("partial");
    let _absent = fs::remove_file(&partial);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .map_err(Error::file("write", &partial))?;
    fs::rename(&partial, file).map_err(Error::file("write", file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        for service in SERVICES {
            let text = render(BOOTSTRAP, service, &Passwords::for_tests());
            let code: String = text.lines().filter(|line| !line.starts_with("--")).collect();
            assert!(!code.contains('{'), "{code}");
        }
    }

    #[test]
    fn passwords_stay_out_of_debug_output() {
        assert!(!format!("{:?}", Passwords::for_tests()).contains("test"));
    }
}
