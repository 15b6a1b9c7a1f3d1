//! Roles and schemas of the database, from the SQL file in `deploy/postgres`.
//! The rule it keeps: it may run again, and by several processes at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use tokio_postgres::{Client, NoTls};

use crate::Error;
use crate::postgres_url::PostgresUrl;
use crate::private_files::{random_secret, read_pairs, write_pairs};
use crate::services::table::schemas;

/// The SQL file, with placeholders for the service and its passwords.
pub(crate) const BOOTSTRAP: &str = include_str!("../../../deploy/postgres/bootstrap.sql");

/// The line between the part for the whole cluster and the part for one database.
const DATABASE_PART: &str = "-- part: database";

/// The advisory lock that keeps two bootstraps apart ("boot" in ASCII).
const LOCK: i64 = 0x626f_6f74;

/// The three database roles of a service that owns a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatabaseRole {
    /// Owns the schema and its tables, and runs migrations.
    Owner,
    /// Works for one organisation at a time: row-level security applies.
    App,
    /// Works for the platform: has policies on named tables only.
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

/// The passwords of all roles. It has no `Debug`, so that they are never printed.
#[derive(Clone)]
pub struct Passwords(BTreeMap<String, String>);

impl Passwords {
    /// The same known password for every role, for throw-away servers on 127.0.0.1.
    #[must_use]
    pub fn for_tests() -> Self {
        Self(Self::roles().map(|role| (role, "test".to_owned())).collect())
    }

    /// The passwords in this file. Roles that it lacks get a random one, which is added to the file (mode 600).
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn kept_in(file: &Path) -> Result<Self, Error> {
        let mut passwords = read_pairs(file)?;
        let before = passwords.len();
        for role in Self::roles() {
            passwords.entry(role).or_insert_with(random_secret);
        }
        if passwords.len() != before {
            write_pairs(file, &passwords)?;
        }
        Ok(Self(passwords))
    }

    /// Reads what [`Passwords::to_list`] wrote.
    ///
    /// # Errors
    /// When it lacks the password of a role.
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

    /// The password of this role; empty when there is no such role.
    #[must_use]
    pub fn of(&self, service: &str, role: DatabaseRole) -> &str {
        self.0.get(&role.of(service)).map_or("", String::as_str)
    }

    fn roles() -> impl Iterator<Item = String> {
        schemas().into_iter().flat_map(|service| DatabaseRole::ALL.map(|role| role.of(service)))
    }
}

/// Creates the roles (of the whole cluster) and the schemas (of the database that `url` names) of all services.
///
/// `url` belongs to a superuser, or to a role that may create roles and owns the database.
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses.
pub async fn bootstrap(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    create_roles(url, passwords).await?;
    create_schemas(url, passwords).await
}

/// Creates this database unless it exists; `url` names another database of the same server.
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

/// The part for the cluster only. A lock in the database of `url` serialises it, so always name the same database.
pub(crate) async fn create_roles(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    run(url, passwords, |text| text.split(DATABASE_PART).next().unwrap_or_default(), "make the roles").await
}

/// The part for one database only.
pub(crate) async fn create_schemas(url: &PostgresUrl, passwords: &Passwords) -> Result<(), Error> {
    run(url, passwords, |text| text.split(DATABASE_PART).nth(1).unwrap_or_default(), "make the schemas").await
}

async fn run(url: &PostgresUrl, passwords: &Passwords, part: fn(&str) -> &str, action: &str) -> Result<(), Error> {
    let mut script = format!("begin;\nselect pg_advisory_xact_lock({LOCK});\n");
    for service in schemas() {
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
///
/// # Errors
/// When PostgreSQL cannot be reached or refuses.
pub async fn connect(url: &PostgresUrl) -> Result<Client, Error> {
    let action = format!("connect to {}/{} as {}", url.host, url.database, url.user);
    let (client, connection) =
        tokio_postgres::connect(&url.to_string(), NoTls).await.map_err(Error::database(action))?;
    tokio::spawn(async move {
        // The client reports errors; this task only moves bytes.
        let _ended = connection.await;
    });
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        for service in schemas() {
            let text = render(BOOTSTRAP, service, &Passwords::for_tests());
            let code: String = text.lines().filter(|line| !line.starts_with("--")).collect();
            assert!(!code.contains('{'), "{code}");
        }
    }
}
