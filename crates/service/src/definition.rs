//! What a service says about itself so that the kit can run it.
//! The rule: `config` is read before anything starts, and `start` gets it whole.

use std::future::Future;

use futures::future::BoxFuture;
use persistence::EmbeddedMigrations;
use serde_json::Value;

use crate::boot::{Boot, BootError};
use crate::config::Reader;

type Start = Box<dyn FnOnce(Boot) -> BoxFuture<'static, Result<(), BootError>> + Send>;
type Prepare = Box<dyn FnOnce(&mut Reader) -> Option<Start>>;

/// A service: its name, its configuration, its start, and what else its program can do.
pub struct Definition {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) describe: Box<dyn Fn(&mut Reader)>,
    pub(crate) prepare: Prepare,
    pub(crate) migrations: Option<EmbeddedMigrations>,
    pub(crate) openapi: Option<Box<dyn FnOnce() -> Value>>,
}

impl Definition {
    /// `read` takes every variable and returns the configuration, or `None` after reporting what is
    /// wrong; `start` starts every part and returns.
    #[must_use]
    pub fn new<C, F>(
        name: &'static str,
        about: &'static str,
        read: fn(&mut Reader) -> Option<C>,
        start: impl FnOnce(C, Boot) -> F + Send + 'static,
    ) -> Self
    where
        C: Send + 'static,
        F: Future<Output = Result<(), BootError>> + Send + 'static,
    {
        Self {
            name,
            about,
            describe: Box::new(move |reader| {
                let _values = read(reader);
            }),
            prepare: Box::new(move |reader| {
                let config = read(reader)?;
                let start: Start = Box::new(move |boot| Box::pin(start(config, boot)));
                Some(start)
            }),
            migrations: None,
            openapi: None,
        }
    }

    /// The migrations of the service's schema, which has the service's name.
    #[must_use]
    pub fn migrations(mut self, migrations: EmbeddedMigrations) -> Self {
        self.migrations = Some(migrations);
        self
    }

    /// The OpenAPI document, which needs no configuration.
    #[must_use]
    pub fn openapi(mut self, document: impl FnOnce() -> Value + 'static) -> Self {
        self.openapi = Some(Box::new(document));
        self
    }
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Definition").field("name", &self.name).finish_non_exhaustive()
    }
}
