//! The route table: one line per route gives its handler, its entry in the document and its place in the server.
//! The rule: routes of one path become one resource, so a wrong method is answered 405 with `Allow`, and so is OPTIONS
//! with 204. What is read with GET can be asked for with HEAD.

use std::sync::Arc;

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::http::header::Allow;
use actix_web::{FromRequest, HttpResponse, Resource, Responder, web};
use aide::generate::in_context;
use aide::openapi::{self, PathItem, Responses};
use aide::{OperationInput, OperationOutput};
use serde_json::Value;

use crate::documents;
use crate::operation::{Operation, Stated, Unstated, add_response};
use crate::problem_type::ProblemType;
use crate::problems;

type Register = Arc<dyn Fn(Resource, Method) -> Resource + Send + Sync>;
type Mount = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// A method of a path and how its handler is added to the path's resource.
#[derive(Clone)]
struct Verb {
    method: Method,
    register: Register,
}

/// Collects routes. Build it on one thread: until it is finished, the document's models are kept in a thread-local.
pub struct Api {
    title: String,
    description: String,
    problem_types: Vec<ProblemType>,
    paths: Vec<(String, PathItem, Vec<Verb>)>,
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
        /// A DELETE route.
        delete: DELETE,
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

        let register: Register =
            Arc::new(move |resource, method| resource.route(web::method(method).to(handler.clone())));
        let position = self.paths.iter().position(|(known, _, _)| known == path).unwrap_or_else(|| {
            self.paths.push((path.to_owned(), PathItem::default(), Vec::new()));
            self.paths.len() - 1
        });
        let (_, item, verbs) = &mut self.paths[position];
        let place = match *method {
            Method::GET => &mut item.get,
            Method::PATCH => &mut item.patch,
            Method::DELETE => &mut item.delete,
            _ => &mut item.post,
        };
        *place = Some(operation);
        verbs.push(Verb { method: method.clone(), register });
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
        let mut resources: Vec<(String, Vec<Verb>)> =
            self.paths.into_iter().map(|(path, _, verbs)| (path, verbs)).collect();
        let register: Register = Arc::new(move |resource, method| {
            let document = document.clone();
            resource.route(web::method(method).to(move || {
                let document = document.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(document) }
            }))
        });
        resources.push(("/openapi.json".to_owned(), vec![Verb { method: Method::GET, register }]));
        let mount: Mount = Arc::new(move |config| {
            for (path, verbs) in &resources {
                config.service(resource(path, verbs));
            }
        });
        Routes { openapi, problem_types: self.problem_types, table: self.table, mount }
    }
}

/// One path: its methods, HEAD beside GET, and OPTIONS, which tells them. The server library leaves out the body of an
/// answer to HEAD.
fn resource(path: &str, verbs: &[Verb]) -> Resource {
    let mut resource = web::resource(path);
    let mut allowed = Vec::new();
    for Verb { method, register } in verbs {
        let head = (*method == Method::GET).then_some(Method::HEAD);
        for method in [method.clone()].into_iter().chain(head) {
            resource = register(resource, method.clone());
            allowed.push(method);
        }
    }
    allowed.push(Method::OPTIONS);
    resource.route(web::method(Method::OPTIONS).to(move || {
        let allow = Allow(allowed.clone());
        async move { HttpResponse::NoContent().insert_header(allow).finish() }
    }))
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
