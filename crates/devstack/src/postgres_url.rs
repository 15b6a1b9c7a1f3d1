//! A PostgreSQL URL in its parts, to address the same server as another role or with another database.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// `postgres://user:password@host:port/database?options`; user and password stay percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The role.
    pub user: String,
    /// Its password; may be empty.
    pub password: String,
    /// Host and port.
    pub host: String,
    /// The database.
    pub database: String,
    /// What comes after the question mark; may be empty.
    pub options: String,
}

impl PostgresUrl {
    /// The same server and role, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The same server and database, another role.
    #[must_use]
    pub fn with_role(&self, user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), ..self.clone() }
    }
}

impl FromStr for PostgresUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || {
            Error::Refused(
                "a PostgreSQL address must look like postgres://user:password@host:port/database (the password is not repeated here)".to_owned(),
            )
        };
        let rest =
            text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")).ok_or_else(refused)?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (address, database) = rest.split_once('/').ok_or_else(refused)?;
        let (role, host) = address.rsplit_once('@').ok_or_else(refused)?;
        let (user, password) = role.split_once(':').unwrap_or((role, ""));
        if [user, host, database].contains(&"") {
            return Err(refused());
        }
        Ok(Self {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
            database: database.to_owned(),
            options: options.to_owned(),
        })
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "postgres://{}", self.user)?;
        if !self.password.is_empty() {
            write!(formatter, ":{}", self.password)?;
        }
        write!(formatter, "@{}/{}", self.host, self.database)?;
        if !self.options.is_empty() {
            write!(formatter, "?{}", self.options)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_the_same_after_parsing_and_printing() {
        let text = "postgres://me:p%40ss@127.0.0.1:5432/shop?sslmode=disable";
        let url: PostgresUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), text);
        assert_eq!(
            url.with_role("order_app", "x").with_database("other").to_string(),
            "postgres://order_app:x@127.0.0.1:5432/other?sslmode=disable"
        );
    }

    #[test]
    fn a_refusal_never_shows_the_password() {
        let error = "mysql://me:secret@host/db".parse::<PostgresUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
