//! The route table: one line per route gives its handler, its entry in the document and its place in the server.
//! The rule: routes of one path become one resource, so a wrong method is answered 405 with `Allow`.

use std::sync::Arc;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpResponse, Resource, Responder, web};
use aide::generate::in_context;
use aide::openapi::{self, PathItem, Responses};
use aide::{OperationInput, OperationOutput};
use serde_json::Value;

use crate::documents;
use crate::operation::{Operation, Stated, Unstated, add_response};
use crate::problem_type::ProblemType;
use crate::problems;

type Register = Arc<dyn Fn(Resource) -> Resource + Send + Sync>;
type Mount = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// Collects routes. Build it on one thread: until it is finished, the document's models are kept in a thread-local.
pub struct Api {
    title: String,
    description: String,
    problem_types: Vec<ProblemType>,
    paths: Vec<(String, PathItem, Vec<Register>)>,
    table: Vec<Route>,
}

/// One row of the route table, for tests and documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Upper case.
    pub method: String,
    /// With `{parameters}`.
    pub path: String,
    /// The operation id.
    pub operation: String,
    /// `None` for a route that is open.
    pub permission: Option<String>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("title", &self.title).field("table", &self.table).finish_non_exhaustive()
    }
}

/// The methods that add a route of one verb each.
macro_rules! verbs {
    ($($(#[$documentation:meta])* $name:ident: $verb:ident,)*) => {$(
        $(#[$documentation])*
        #[must_use]
        pub fn $name<H, A>(
            self,
            path: &str,
            handler: H,
            describe: impl FnOnce(Operation<Unstated>) -> Operation<Stated>,
        ) -> Self
        where
            H: Handler<A> + Send + Sync,
            A: FromRequest + OperationInput + 'static,
            H::Output: Responder + OperationOutput + 'static,
        {
            self.on(&Method::$verb, path, handler, describe)
        }
    )*};
}

impl Api {
    /// `title` is the service's name, `description` one sentence.
    #[must_use]
    pub fn new(title: &str, description: &str) -> Self {
        documents::begin();
        Self {
            title: title.to_owned(),
            description: description.to_owned(),
            problem_types: problems::ALL.to_vec(),
            paths: Vec::new(),
            table: Vec::new(),
        }
    }

    /// Adds the service's own problem types, for the document and the test that compares it.
    #[must_use]
    pub fn problems(mut self, kinds: &[ProblemType]) -> Self {
        self.problem_types.extend_from_slice(kinds);
        self
    }

    verbs! {
        /// A GET route.
        get: GET,
        /// A POST route.
        post: POST,
        /// A PATCH route.
        patch: PATCH,
    }

    fn on<H, A>(
        mut self,
        method: &Method,
        path: &str,
        handler: H,
        describe: impl FnOnce(Operation<Unstated>) -> Operation<Stated>,
    ) -> Self
    where
        H: Handler<A> + Send + Sync,
        A: FromRequest + OperationInput + 'static,
        H::Output: Responder + OperationOutput + 'static,
    {
        let mut operation = openapi::Operation { tags: vec![self.title.clone()], ..openapi::Operation::default() };
        let mut responses = Responses::default();
        in_context(|ctx| {
            A::operation_input(ctx, &mut operation);
            for (status, response) in H::Output::inferred_responses(ctx, &mut operation) {
                add_response(&mut responses, status, response);
            }
            for (status, response) in A::inferred_early_responses(ctx, &mut operation) {
                add_response(&mut responses, status, response);
            }
        });
        operation.responses = Some(responses);
        let operation = describe(Operation::new(operation)).inner;
        self.table.push(Route {
            method: method.to_string(),
            path: path.to_owned(),
            operation: operation.operation_id.clone().unwrap_or_default(),
            permission: operation.extensions.get("x-permission").and_then(Value::as_str).map(str::to_owned),
        });

        let verb = method.clone();
        let register: Register =
            Arc::new(move |resource| resource.route(web::method(verb.clone()).to(handler.clone())));
        let position = self.paths.iter().position(|(known, _, _)| known == path).unwrap_or_else(|| {
            self.paths.push((path.to_owned(), PathItem::default(), Vec::new()));
            self.paths.len() - 1
        });
        let (_, item, registers) = &mut self.paths[position];
        let place = match *method {
            Method::GET => &mut item.get,
            Method::PATCH => &mut item.patch,
            _ => &mut item.post,
        };
        *place = Some(operation);
        registers.push(register);
        self
    }

    /// The finished table.
    #[must_use]
    pub fn finish(mut self) -> Routes {
        // The first resource that matches wins, so a literal segment stands before a parameter.
        self.paths.sort_by(|(left, _, _), (right, _, _)| precedence(left).cmp(&precedence(right)));
        let items = self.paths.iter().map(|(path, item, _)| (path.clone(), item.clone())).collect();
        let openapi = Arc::new(documents::finish(
            &self.title,
            &self.description,
            env!("CARGO_PKG_VERSION"),
            items,
            &self.problem_types,
        ));
        let document = bytes::Bytes::from(openapi.to_string());
        let resources: Vec<(String, Vec<Register>)> =
            self.paths.into_iter().map(|(path, _, registers)| (path, registers)).collect();
        let mount: Mount = Arc::new(move |config| {
            for (path, registers) in &resources {
                let resource = registers.iter().fold(web::resource(path), |resource, register| register(resource));
                config.service(resource);
            }
            let document = document.clone();
            config.service(web::resource("/openapi.json").route(web::get().to(move || {
                let document = document.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(document) }
            })));
        });
        Routes { openapi, problem_types: self.problem_types, table: self.table, mount }
    }
}

fn precedence(path: &str) -> Vec<(bool, &str)> {
    path.split('/').map(|segment| (segment.starts_with('{'), segment)).collect()
}

/// A finished route table. Cheap to clone; each worker mounts it.
#[derive(Clone)]
pub struct Routes {
    openapi: Arc<Value>,
    problem_types: Vec<ProblemType>,
    table: Vec<Route>,
    mount: Mount,
}

impl Routes {
    /// The OpenAPI 3.1 document.
    #[must_use]
    pub fn openapi(&self) -> &Value {
        &self.openapi
    }

    /// Every problem type that can be answered, `rest`'s own first.
    #[must_use]
    pub fn problem_types(&self) -> &[ProblemType] {
        &self.problem_types
    }

    /// One row per route.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// Adds the routes and `/openapi.json` to a server.
    pub fn mount(&self, config: &mut web::ServiceConfig) {
        (self.mount)(config);
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").field("table", &self.table).finish_non_exhaustive()
    }
}
