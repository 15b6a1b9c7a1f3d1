//! The two things a service can be asked: to change something, or to tell something.
//! The rule: state changes only inside [`Command::execute`]; a [`Query`] gets a connection that cannot write.

use std::future::Future;

use access::Permission;
use persistence::{ReadConn, Tx};
use serde::Serialize;

use crate::classified::Classified;

/// A wish to change state: data plus what to do with it in one transaction.
///
/// `execute` borrows the command, so that it can run again after a collision, and calls nothing
/// but the database.
pub trait Command: Send + Sync + 'static {
    /// `<service>.<verb>-<noun>`, for spans, metrics and recorded replies.
    const NAME: &'static str;
    /// What the caller must be allowed to do.
    const REQUIRES: Permission;
    /// What the sender gets back.
    type Reply: Serialize + Send + 'static;
    /// Why it can be refused or fail.
    type Error: Classified + From<persistence::Error>;

    /// Does it. The transaction commits when this returns `Ok` and is rolled back otherwise.
    fn execute(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;
}

/// A question about state, answered from the read-only pool.
pub trait Query: Send + Sync + 'static {
    /// `<service>.<verb>-<noun>`, for spans and metrics.
    const NAME: &'static str;
    /// What the caller must be allowed to do.
    const REQUIRES: Permission;
    /// The answer.
    type Reply: Send + 'static;
    /// Why there is none.
    type Error: Classified + From<persistence::Error>;

    /// Answers it.
    fn fetch(&self, read: &mut ReadConn<'_>) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;
}
