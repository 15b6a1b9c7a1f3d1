//! What every handler is given: the mediator, the verifier, and what the service added.
//! The rule: a handler reaches stored data through `send`, `ask` and `create` only.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use access::{Organisations, Verifier};
use actix_web::HttpRequest;
use aide::OperationInput;
use mediator::{Command, Grouped, Mediator, Once, Query, Scope, Tenant};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::extracted::extracted;
use crate::headers::IdempotencyKey;
use crate::problem::Problem;
use crate::replies::Recorded;

/// The service as its handlers see it. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    mediator: Mediator,
    verifier: Verifier,
    organisations: Organisations,
    stopping: CancellationToken,
    added: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl App {
    /// A service with nothing added yet.
    #[must_use]
    pub fn new(mediator: Mediator, verifier: Verifier, organisations: Organisations) -> Self {
        let (stopping, added) = (CancellationToken::new(), HashMap::new());
        Self(Arc::new(Parts { mediator, verifier, organisations, stopping, added }))
    }

    /// Adds something that handlers take as [`State<T>`]; one value per type, cloned for each request.
    #[must_use]
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        Arc::make_mut(&mut self.0).added.insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// The mediator, for a process of several steps that a handler begins.
    #[must_use]
    pub fn mediator(&self) -> &Mediator {
        &self.0.mediator
    }

    /// What checks tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// The organisations by slug and id.
    #[must_use]
    pub fn organisations(&self) -> &Organisations {
        &self.0.organisations
    }

    /// Runs a command.
    ///
    /// # Errors
    /// The mediator's refusals and the command's own, as problems.
    pub async fn send<C>(&self, by: &Scope<C::Tenancy>, command: C) -> Result<C::Reply, Problem>
    where
        C: Command,
        C::Error: Into<Problem>,
    {
        self.0.mediator.send(by, command).await.map_err(Problem::from)
    }

    /// Answers a query.
    ///
    /// # Errors
    /// The mediator's refusals and the query's own, as problems.
    pub async fn ask<Q>(&self, by: &Scope<Q::Tenancy>, query: Q) -> Result<Q::Reply, Problem>
    where
        Q: Query,
        Q::Error: Into<Problem>,
    {
        self.0.mediator.ask(by, query).await.map_err(Problem::from)
    }

    /// Runs a create once per idempotency key: the handler's return type says whether 201 or, when the outcome comes
    /// later, 202; with `Location`, and the same bytes for each repeat. `location` says where the created resource is
    /// found, of a first reply and of a repeated one.
    ///
    /// # Errors
    /// The mediator's refusals and the command's own, as problems.
    pub async fn create<C, const STATUS: u16>(
        &self,
        by: &Scope<C::Tenancy>,
        key: &IdempotencyKey,
        body: &impl Serialize,
        command: C,
        location: impl FnOnce(&C::Reply) -> String,
    ) -> Result<Recorded<C::Reply, STATUS>, Problem>
    where
        C: Command,
        C::Reply: Serialize + DeserializeOwned,
        C::Error: Into<Problem>,
    {
        let once = once(key, body)?;
        let recorded = self.0.mediator.send_once(by, once, command).await.map_err(Problem::from)?;
        Ok(Recorded::new(recorded, location))
    }

    /// As [`App::create`], in one transaction with other creates of this command that come at the same time. The answer's
    /// status is that of the handler's reply.
    ///
    /// # Errors
    /// The mediator's refusals and the command's own, as problems.
    pub async fn create_grouped<C, const STATUS: u16>(
        &self,
        by: &Scope<Tenant>,
        key: &IdempotencyKey,
        body: &impl Serialize,
        command: C,
        location: impl FnOnce(&C::Reply) -> String,
    ) -> Result<Recorded<C::Reply, STATUS>, Problem>
    where
        C: Grouped<Reply: DeserializeOwned, Error: Into<Problem>>,
    {
        let once = once(key, body)?;
        let recorded = self.0.mediator.send_once_grouped(by, once, command).await.map_err(Problem::from)?;
        Ok(Recorded::new(recorded, location))
    }

    /// Cancelled when the server is told to stop: what would go on for long ends then.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    pub(crate) fn of(request: &HttpRequest) -> Result<&Self, Problem> {
        request.app_data::<Self>().ok_or_else(|| Problem::internal("the server was started without its App"))
    }
}

/// What makes a request the one that was sent before.
fn once(key: &IdempotencyKey, body: &impl Serialize) -> Result<Once, Problem> {
    let body = serde_json::to_vec(body).map_err(Problem::internal)?;
    // The path belongs to the request: the same body for another resource is another request.
    Ok(Once { key: key.key().clone(), request_digest: Once::digest(&[key.target().as_bytes(), &body]) })
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

extracted!([] App, |request| App::of(request).cloned());

impl OperationInput for App {}

/// Something that the service added with [`App::with`].
#[derive(Clone, Debug)]
pub struct State<T>(pub T);

extracted!([T: Clone + Send + Sync + 'static] State<T>, |request| state(request));

fn state<T: Clone + 'static>(request: &HttpRequest) -> Result<State<T>, Problem> {
    let added = App::of(request)?.0.added.get(&TypeId::of::<T>());
    added
        .and_then(|value| value.downcast_ref::<T>())
        .map(|value| State(value.clone()))
        .ok_or_else(|| Problem::internal(format!("App::with was never given a {}", std::any::type_name::<T>())))
}

impl<T> OperationInput for State<T> {}
