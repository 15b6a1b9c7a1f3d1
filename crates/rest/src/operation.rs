//! What the route table says about a route beyond its handler's signature.
//! The rule: a route that does not state its permission does not compile.

use std::marker::PhantomData;

use aide::generate::in_context;
use aide::openapi::{self, ReferenceOr, Responses, StatusCode};
use mediator::{Command, Query};
use serde_json::Value;

use crate::documents::{described, documented};
use crate::problem_type::ProblemType;

/// The permission is not stated yet.
#[derive(Debug)]
pub enum Unstated {}
/// The permission is stated.
#[derive(Debug)]
pub enum Stated {}

/// One route's entry in the document.
#[derive(Debug)]
pub struct Operation<Permission = Unstated> {
    pub(crate) inner: openapi::Operation,
    permission: PhantomData<Permission>,
}

impl Operation<Unstated> {
    pub(crate) fn new(inner: openapi::Operation) -> Self {
        Self { inner, permission: PhantomData }
    }

    /// The route runs this command; its permission and name are taken over.
    #[must_use]
    pub fn sends<C: Command>(self) -> Operation<Stated> {
        self.stated(C::NAME, C::REQUIRES)
    }

    /// The route answers this query; its permission and name are taken over.
    #[must_use]
    pub fn asks<Q: Query>(self) -> Operation<Stated> {
        self.stated(Q::NAME, Q::REQUIRES)
    }

    /// The route needs no permission, for this reason. `name` is the operation's id.
    #[must_use]
    pub fn open(mut self, name: &str, reason: &str) -> Operation<Stated> {
        self.note(&format!("Needs no permission: {reason}."));
        self.inner.operation_id = Some(name.to_owned());
        self.inner.extensions.insert("x-permission".to_owned(), Value::Null);
        Operation { inner: self.inner, permission: PhantomData }
    }

    fn stated(mut self, name: &str, permission: access::Permission) -> Operation<Stated> {
        self.note(&who_may(permission));
        self.inner.operation_id = Some(name.to_owned());
        self.inner.extensions.insert("x-permission".to_owned(), permission.to_string().into());
        Operation { inner: self.inner, permission: PhantomData }
    }
}

impl<Permission> Operation<Permission> {
    /// One line: what the route does.
    #[must_use]
    pub fn summary(mut self, summary: &str) -> Self {
        self.inner.summary = Some(summary.to_owned());
        self
    }

    /// Adds a paragraph to the description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.note(text);
        self
    }

    /// Another operation id than the command's or query's name, where two routes reach the same one.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.inner.operation_id = Some(id.to_owned());
        self
    }

    /// Adds problem types of the service that this route can answer with.
    #[must_use]
    pub fn problems(mut self, kinds: &[ProblemType]) -> Self {
        let responses = self.inner.responses.get_or_insert_with(Responses::default);
        for kind in kinds {
            let reply = in_context(|ctx| documented(ctx, &described(*kind)));
            add_response(responses, Some(StatusCode::Code(kind.status())), reply);
        }
        self
    }

    fn note(&mut self, text: &str) {
        match &mut self.inner.description {
            Some(description) => {
                description.push_str("\n\n");
                description.push_str(text);
            }
            none => *none = Some(text.to_owned()),
        }
    }
}

/// Who can use the route, for people. Permissions that no role can have would tell them nothing.
fn who_may(permission: access::Permission) -> String {
    use access::Permission as P;
    match permission {
        P::SignIn | P::StoreBrowse | P::StoreOrder => "For everybody.".to_owned(),
        P::AccountOwn => "For everybody with an account of their own.".to_owned(),
        P::CustomerOwn => "For customers of the shop.".to_owned(),
        P::PlatformManage => "For operators of the installation.".to_owned(),
        P::SetUp => "For whoever runs the installation.".to_owned(),
        permission => format!("Needs the permission `{permission}`."),
    }
}

/// Adds a response; two of one status become one whose description names both.
pub(crate) fn add_response(responses: &mut Responses, status: Option<StatusCode>, response: openapi::Response) {
    let Some(status) = status else {
        responses.default.get_or_insert(ReferenceOr::Item(response));
        return;
    };
    match responses.responses.get_mut(&status) {
        Some(ReferenceOr::Item(known)) => {
            if !known.description.contains(&response.description) {
                known.description.push(' ');
                known.description.push_str(&response.description);
            }
        }
        Some(ReferenceOr::Reference { .. }) => {}
        None => {
            responses.responses.insert(status, ReferenceOr::Item(response));
        }
    }
}
