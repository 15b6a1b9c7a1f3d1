//! Who asks: the extractors that turn a verified token, a shop's path or nothing into a scope.
//! The rule: they authenticate only; what a caller may do is decided by the command or query.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use access::{Caller, Verified};
use actix_web::{HttpMessage, HttpRequest};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response, StatusCode};
use aide::operation::add_parameters;
use kernel::{Currency, CustomerId, OrganisationId, SessionId, Slug, UserId};
use mediator::{Platform, Scope, Tenancy};

use crate::app::App;
use crate::documents::{add_header, path_parameter, refusal};
use crate::door::RequestId;
use crate::extracted::extracted;
use crate::headers::single;
use crate::problem::Problem;
use crate::problems;

/// A member of an organisation's staff, or a program that works for it, from the bearer token.
#[derive(Clone, Debug)]
pub struct Staff(pub Scope);

/// A person who is logged in and looks after their own account, which belongs to no organisation.
#[derive(Clone, Debug)]
pub struct Person {
    scope: Scope<Platform>,
    user: UserId,
    session: SessionId,
    organisation: Option<OrganisationId>,
}

impl Person {
    /// The person.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The login that the token comes from.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The organisation that the token is for; an operator's is for none.
    ///
    /// # Errors
    /// 403 for an operator, where the path is about an organisation.
    pub fn organisation(&self) -> Result<OrganisationId, Problem> {
        let none = || Problem::new(problems::FORBIDDEN).detail("This path is for members of an organisation.");
        self.organisation.ok_or_else(none)
    }
}

/// A person who runs the installation.
#[derive(Clone, Debug)]
pub struct Operator(pub Scope<Platform>);

impl Deref for Operator {
    type Target = Scope<Platform>;

    fn deref(&self) -> &Scope<Platform> {
        &self.0
    }
}

/// A customer who is logged in to a shop, and looks after their own account there.
#[derive(Clone, Debug)]
pub struct Customer {
    scope: Scope,
    customer: CustomerId,
    session: SessionId,
}

impl Customer {
    /// The customer.
    #[must_use]
    pub fn customer(&self) -> CustomerId {
        self.customer
    }

    /// The login that the token comes from.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The same customer where the session is, which belongs to no organisation's rows.
    #[must_use]
    pub fn on_platform(&self) -> Scope<Platform> {
        Scope { caller: self.scope.caller.clone(), tenancy: Platform, provenance: self.scope.provenance.clone() }
    }
}

impl Deref for Customer {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// Anyone in the shop of the organisation that the path's `{organisation}` names.
#[derive(Clone, Debug)]
pub struct Anyone {
    scope: Scope,
    slug: Slug,
    currency: Currency,
    guests: bool,
}

impl Anyone {
    /// The organisation's slug.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    /// The currency that the organisation sells in.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

/// A shopper in the shop of the path's organisation: a customer who is logged in there, or a guest.
#[derive(Clone, Debug)]
pub struct Buyer {
    anyone: Anyone,
    customer: Option<CustomerId>,
}

impl Buyer {
    /// The customer; none for a guest.
    #[must_use]
    pub fn customer(&self) -> Option<CustomerId> {
        self.customer
    }

    /// Whether the shop takes orders of this shopper.
    ///
    /// # Errors
    /// 401 for a guest where the shop takes none.
    pub fn may_order(&self) -> Result<(), Problem> {
        if self.customer.is_some() || self.anyone.guests {
            return Ok(());
        }
        Err(unauthenticated("This shop takes orders of its customers only. Log in as one.", "Bearer"))
    }

    /// The organisation's slug.
    #[must_use]
    pub fn slug(&self) -> &Slug {
        self.anyone.slug()
    }
}

impl Deref for Buyer {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.anyone.scope
    }
}

/// Somebody who has no organisation yet: sets one up, or logs in.
#[derive(Clone, Debug)]
pub struct Visitor(pub Scope<Platform>);

impl Deref for Staff {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.0
    }
}

impl Deref for Person {
    type Target = Scope<Platform>;

    fn deref(&self) -> &Scope<Platform> {
        &self.scope
    }
}

impl Deref for Anyone {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

impl Deref for Visitor {
    type Target = Scope<Platform>;

    fn deref(&self) -> &Scope<Platform> {
        &self.0
    }
}

/// The scope for this request: what follows from it carries the request's id as its correlation.
fn correlated<T: Tenancy>(request: &HttpRequest, mut scope: Scope<T>) -> Scope<T> {
    if let Some(RequestId(id)) = request.extensions().get::<RequestId>() {
        scope.provenance.correlation = *id;
    }
    scope
}

fn unauthenticated(detail: &str, challenge: &str) -> Problem {
    Problem::new(problems::UNAUTHENTICATED).detail(detail).header("www-authenticate", challenge)
}

/// What the request's token says.
fn verified(request: &HttpRequest) -> Result<Verified, Problem> {
    let app = App::of(request)?;
    let header = single(request, "authorization")?
        .ok_or_else(|| unauthenticated("Send an access token as Authorization: Bearer.", "Bearer"))?;
    let token = access::bearer(header)
        .ok_or_else(|| unauthenticated("The Authorization header is not of the form Bearer <token>.", "Bearer"))?;
    app.verifier().verify(token).map_err(|rejection| {
        unauthenticated(&format!("The access token was refused: {rejection}."), "Bearer error=\"invalid_token\"")
    })
}

extracted!([] Staff, |request| staff(request));

fn staff(request: &HttpRequest) -> Result<Staff, Problem> {
    let caller = verified(request)?.caller();
    let (Caller::Staff { organisation, .. } | Caller::Integration { organisation, .. }) = caller else {
        return Err(Problem::new(problems::FORBIDDEN).detail("This path is for the staff of an organisation."));
    };
    Ok(Staff(correlated(request, Scope::of(caller, organisation))))
}

impl OperationInput for Staff {
    fn operation_input(_ctx: &mut GenContext, operation: &mut Operation) {
        operation.security.push([("bearer".to_owned(), Vec::new())].into_iter().collect());
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::UNAUTHENTICATED), refusal(ctx, problems::FORBIDDEN)]
    }
}

extracted!([] Person, |request| person(request));

fn person(request: &HttpRequest) -> Result<Person, Problem> {
    let caller = verified(request)?.caller();
    let (user, session, organisation) = match caller {
        Caller::Staff { user, session, organisation, .. } => (user, session, Some(organisation)),
        Caller::Operator { user, session } => (user, session, None),
        _ => {
            return Err(
                Problem::new(problems::FORBIDDEN).detail("This path is for people with an account of their own.")
            );
        }
    };
    Ok(Person { scope: correlated(request, Scope::platform(caller)), user, session, organisation })
}

extracted!([] Operator, |request| operator(request));

fn operator(request: &HttpRequest) -> Result<Operator, Problem> {
    let caller = verified(request)?.caller();
    if !matches!(caller, Caller::Operator { .. }) {
        return Err(Problem::new(problems::FORBIDDEN).detail("This path is for those who run the installation."));
    }
    Ok(Operator(correlated(request, Scope::platform(caller))))
}

extracted!([] Customer, |request| customer(request));

fn customer(request: &HttpRequest) -> Result<Customer, Problem> {
    let caller = verified(request)?.caller();
    let Caller::Customer { customer, organisation, session } = caller else {
        return Err(Problem::new(problems::FORBIDDEN).detail("This path is for customers who are logged in."));
    };
    Ok(Customer { scope: correlated(request, Scope::of(caller, organisation)), customer, session })
}

/// The documents of extractors whose caller comes from the bearer token, as [`Staff`] does.
macro_rules! by_bearer {
    ($($extractor:ty),*) => {$(
        impl OperationInput for $extractor {
            fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
                Staff::operation_input(ctx, operation);
            }

            fn inferred_early_responses(
                ctx: &mut GenContext,
                operation: &mut Operation,
            ) -> Vec<(Option<StatusCode>, Response)> {
                Staff::inferred_early_responses(ctx, operation)
            }
        }
    )*};
}

by_bearer!(Person, Operator, Customer);

extracted!([] Anyone, |request| anyone(request));

fn anyone(request: &HttpRequest) -> Result<Anyone, Problem> {
    let app = App::of(request)?;
    let slug = request
        .match_info()
        .get("organisation")
        .ok_or_else(|| Problem::internal("a route that takes Anyone has no {organisation} in its path"))?;
    let entry = app.organisations().by_slug(slug).filter(|entry| entry.active).ok_or_else(|| {
        Problem::new(problems::ORGANISATION_NOT_FOUND).detail("No active organisation has the name in this path.")
    })?;
    let caller = Caller::Shopper { organisation: entry.organisation };
    let scope = correlated(request, Scope::of(caller, entry.organisation));
    Ok(Anyone { scope, slug: entry.slug.clone(), currency: entry.currency, guests: entry.guests })
}

impl OperationInput for Anyone {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let parameter = path_parameter::<Slug>(ctx, "organisation", "The organisation's slug.");
        add_parameters(ctx, operation, [parameter]);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::ORGANISATION_NOT_FOUND)]
    }
}

extracted!([] Buyer, |request| buyer(request));

/// A token that is sent must be good: whoever is logged in must not order as a guest because a token has expired. A token of
/// the staff says nothing here, so its bearer is a guest.
fn buyer(request: &HttpRequest) -> Result<Buyer, Problem> {
    let mut anyone = anyone(request)?;
    let caller = if single(request, "authorization")?.is_some() { Some(verified(request)?.caller()) } else { None };
    let Some(Caller::Customer { customer, organisation, session }) = caller else {
        return Ok(Buyer { anyone, customer: None });
    };
    if organisation != anyone.scope.organisation() {
        return Err(Problem::new(problems::FORBIDDEN).detail("This account is for another shop."));
    }
    anyone.scope.provenance.actor = customer.to_string();
    anyone.scope.caller = Caller::Customer { customer, organisation, session };
    Ok(Buyer { anyone, customer: Some(customer) })
}

impl OperationInput for Buyer {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Anyone::operation_input(ctx, operation);
        // Either of the two: a customer's token, or none.
        operation.security.push([("bearer".to_owned(), Vec::new())].into_iter().collect());
        operation.security.push(std::iter::empty::<(String, Vec<String>)>().collect());
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<StatusCode>, Response)> {
        let mut responses = Anyone::inferred_early_responses(ctx, operation);
        responses.extend([refusal(ctx, problems::UNAUTHENTICATED), refusal(ctx, problems::FORBIDDEN)]);
        responses
    }
}

extracted!([] Visitor, |request| Ok(Visitor(correlated(request, Scope::platform(Caller::Visitor)))));

impl OperationInput for Visitor {}

/// A header that holds a secret, such as `Order-Token`.
pub trait CredentialHeader: 'static {
    /// The header's name, lower case.
    const NAME: &'static str;
    /// What the secret proves, for the document.
    const MEANING: &'static str;
}

/// The secret in the header `H`; it is never printed.
pub struct Credential<H> {
    secret: String,
    header: PhantomData<fn() -> H>,
}

impl<H> Credential<H> {
    /// The secret, 1 to 512 visible ASCII characters.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.secret
    }
}

impl<H> fmt::Debug for Credential<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([redacted])")
    }
}

extracted!([H: CredentialHeader] Credential<H>, |request| credential(request));

fn credential<H: CredentialHeader>(request: &HttpRequest) -> Result<Credential<H>, Problem> {
    single(request, H::NAME)?
        .map(str::trim)
        .filter(|value| (1..=512).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic()))
        .map(|value| Credential { secret: value.to_owned(), header: PhantomData })
        .ok_or_else(|| {
            Problem::new(problems::UNAUTHENTICATED).detail(format!("The header {} is needed: {}", H::NAME, H::MEANING))
        })
}

impl<H: CredentialHeader> OperationInput for Credential<H> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        add_header(ctx, operation, H::NAME, H::MEANING, true);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Vec<(Option<StatusCode>, Response)> {
        vec![refusal(ctx, problems::UNAUTHENTICATED)]
    }
}
