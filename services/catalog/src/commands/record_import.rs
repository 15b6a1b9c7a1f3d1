//! Says that an import has ended.

use access::Permission;
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::import::Ended;
use crate::error::Error;
use crate::published;

/// Says so to whoever listens; nothing is stored.
#[derive(Debug, Clone)]
pub struct RecordImport {
    /// How it ended.
    pub ended: Ended,
}

impl Command for RecordImport {
    const NAME: &'static str = "catalog.record-import";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // It happens to an import once, and nothing else does.
        tx.record(1, published::import_ended(self.ended.clone()));
        Ok(())
    }
}
