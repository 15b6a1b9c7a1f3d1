//! What can go wrong between a service and its database, and whether trying again can help.
//! The rule: SQL states are read here once; everybody else decides by [`Error`] or [`Class`].

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Whether an error can pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Trying again may succeed: the database is away, a lock was not to be had, two transactions collided.
    Transient,
    /// The request is understood and refused; the same request will be refused again.
    Refused,
    /// Nothing that the sender does can make it work: a defect or data that cannot be read.
    Permanent,
}

/// An error of the database or of the way to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached.
    #[error("the database is not available: {0}; it is tried again")]
    Unavailable(String),
    /// The database did not answer just now, so it was not asked.
    #[error("the database does not answer; it is asked again within half a second")]
    Away,
    /// The database is there, but every connection to it that this service may have is taken, with others waiting.
    #[error("{0}; try again in a moment")]
    Busy(String),
    /// The schema lacks what this program was built for: a migration, a table (SQL state 42P01) or a column (42703).
    #[error("the schema is behind this program: {0}")]
    Behind(String),
    /// Two transactions collided (SQL states 40001 and 40P01); the transaction may be run again.
    #[error("the transaction collided with another one and was rolled back: {0}")]
    Collision(String),
    /// A lock was not to be had within `lock_timeout` (SQL state 55P03).
    #[error("a row stayed locked by another transaction: {0}")]
    Locked(String),
    /// A unique constraint or index refused the row.
    #[error("a row with these values exists already (constraint {constraint})")]
    Unique {
        /// The constraint's name as the migration gives it.
        constraint: String,
    },
    /// A CHECK constraint refused the row.
    #[error("the row breaks the rule {constraint}")]
    Check {
        /// The constraint's name as the migration gives it.
        constraint: String,
    },
    /// A foreign key refused the row.
    #[error("the row refers to something that does not exist (constraint {constraint})")]
    Foreign {
        /// The constraint's name as the migration gives it.
        constraint: String,
    },
    /// The query asked for exactly one row and there was none.
    #[error("there is no such row")]
    NotFound,
    /// Anything else: a defect in a statement, missing rights, a value that does not decode.
    #[error("the database refused a statement: {0}")]
    Defect(String),
}

impl Error {
    /// Whether trying again can help.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            // Also `Behind`: a service ahead of its migrations would set every record aside, and not one is to blame.
            Error::Unavailable(_)
            | Error::Away
            | Error::Busy(_)
            | Error::Behind(_)
            | Error::Collision(_)
            | Error::Locked(_) => Class::Transient,
            Error::Unique { .. } | Error::Check { .. } | Error::Foreign { .. } | Error::NotFound => Class::Refused,
            Error::Defect(_) => Class::Permanent,
        }
    }

    /// Whether a unique constraint of this name refused the row.
    #[must_use]
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, Error::Unique { constraint } if constraint == name)
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Error::NotFound,
            DieselError::DatabaseError(kind, information) => {
                let message = information.message().to_owned();
                let constraint = || information.constraint_name().unwrap_or("unnamed").to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation => Error::Unique { constraint: constraint() },
                    DatabaseErrorKind::CheckViolation => Error::Check { constraint: constraint() },
                    DatabaseErrorKind::ForeignKeyViolation => Error::Foreign { constraint: constraint() },
                    DatabaseErrorKind::SerializationFailure => Error::Collision(message),
                    DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    // A writer met a standby, or a primary that was made read-only because its disk is full.
                    | DatabaseErrorKind::ReadOnlyTransaction => Error::Unavailable(message),
                    _ => Error::from_message(message),
                }
            }
            DieselError::BrokenTransactionManager
            | DieselError::AlreadyInTransaction
            | DieselError::NotInTransaction => Error::Unavailable(error.to_string()),
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Error::from(*commit_error),
            other => Error::Defect(other.to_string()),
        }
    }
}

impl Error {
    /// Diesel keeps no SQL state for these, so PostgreSQL's fixed English texts decide
    /// (the bootstrap sets `lc_messages` of every role: only a superuser may).
    fn from_message(message: String) -> Self {
        const TRANSIENT: [&str; 14] = [
            "terminating connection",
            "the database system is",
            "connection closed",
            "error communicating with the server",
            "too many connections",
            "remaining connection slots",
            "canceling statement due to statement timeout",
            "canceling statement due to user request",
            "server closed the connection",
            // The server's own distress. A record that met it is not to blame: were it set aside, every
            // record would be.
            "No space left on device",
            "could not extend file",
            "could not write to file",
            "out of memory",
            "out of shared memory",
        ];
        if message.contains("deadlock detected") || message.contains("could not serialize") {
            Error::Collision(message)
        } else if message.contains("lock timeout") || message.contains("could not obtain lock") {
            Error::Locked(message)
        } else if message.ends_with(" does not exist")
            && (message.starts_with("relation ") || message.starts_with("column "))
        {
            Error::Behind(format!("{message}; run the service's `migrate`"))
        } else if TRANSIENT.iter().any(|part| message.contains(part)) {
            Error::Unavailable(message)
        } else {
            Error::Defect(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(kind: DatabaseErrorKind, message: &str) -> Class {
        Error::from(DieselError::DatabaseError(kind, Box::new(message.to_owned()))).class()
    }

    #[test]
    fn a_server_in_distress_and_a_schema_behind_pass_and_a_defect_does_not() {
        for message in [
            "terminating connection due to administrator command",
            "terminating connection due to idle-in-transaction timeout",
            "canceling statement due to statement timeout",
            "canceling statement due to lock timeout",
            "deadlock detected",
            "could not extend file \"base/16384/16389\": No space left on device",
            "out of shared memory",
            "out of memory",
            // Not the record's fault: the program is ahead of its schema, and what is missing comes with `migrate`.
            "relation \"orders\" does not exist",
            "column \"low_threshold\" of relation \"stock\" does not exist",
            "column o.deadline_at does not exist",
        ] {
            assert_eq!(class_of(DatabaseErrorKind::Unknown, message), Class::Transient, "{message}");
        }
        let standby = "cannot execute INSERT in a read-only transaction";
        assert_eq!(class_of(DatabaseErrorKind::ReadOnlyTransaction, standby), Class::Transient);
        for message in [
            "function orders() does not exist",
            "invalid byte sequence for encoding \"UTF8\": 0x00",
            "new row violates row-level security policy for table \"notes\"",
        ] {
            assert_eq!(class_of(DatabaseErrorKind::Unknown, message), Class::Permanent, "{message}");
        }
    }
}
