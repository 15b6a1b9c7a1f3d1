//! The two things a service can be asked: to change something, or to tell something.
//! The rule: state changes only inside [`Command::execute`]; a [`Query`] gets a connection that cannot write. Both say
//! whose rows they are about: one organisation's, those of several, or the platform's.

use std::future::Future;

use access::Permission;
use persistence::{ReadConn, Tenancy, Tx};

use crate::classified::Classified;

/// A wish to change state: data plus what to do with it in one transaction.
///
/// `execute` borrows the command, so that it can run again after a collision, and calls nothing
/// but the database. What else has to happen hears of the recorded events after the commit (`persistence::Observers`).
pub trait Command: Send + Sync + 'static {
    /// `<service>.<verb>-<noun>`, for spans, metrics and recorded replies.
    const NAME: &'static str;
    /// The name under which its replies are recorded. Commands that are two ways to one thing share it, so that one key of a
    /// caller is good for one of them. Their requests differ, as those of two paths do: the same request gets the same reply.
    const RECORDED_AS: &'static str = Self::NAME;
    /// What the caller must be allowed to do.
    const REQUIRES: Permission;
    /// Whose rows it changes: [`crate::Tenant`], [`crate::Tenants`] or [`crate::Platform`].
    type Tenancy: Tenancy;
    /// What the sender gets back.
    type Reply: Send + 'static;
    /// Why it can be refused or fail.
    type Error: Classified + From<persistence::Error>;

    /// Does it. The transaction commits when this returns `Ok` and is rolled back otherwise.
    fn execute(&self, tx: &mut Tx<'_, Self::Tenancy>) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;
}

/// A question about state, answered in a transaction that cannot write.
pub trait Query: Send + Sync + 'static {
    /// `<service>.<verb>-<noun>`, for spans and metrics.
    const NAME: &'static str;
    /// What the caller must be allowed to do.
    const REQUIRES: Permission;
    /// Whose rows it reads: [`crate::Tenant`] or [`crate::Platform`].
    type Tenancy: Tenancy;
    /// The answer.
    type Reply: Send + 'static;
    /// Why there is none.
    type Error: Classified + From<persistence::Error>;

    /// Answers it.
    fn fetch(
        &self,
        read: &mut ReadConn<'_, Self::Tenancy>,
    ) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;
}
