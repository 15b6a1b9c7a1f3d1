//! Customers of a shop: making an account, logging in and out, their sessions and passwords, and what they are told of
//! themselves.

use kernel::{Malformed, OrganisationId, SessionId, Slug};
use rest::{App, Body, Customer, Origin, Path, Problem, State, Visitor, parses, problems};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    logins::{AccountLogInBody, Token},
    passwords::{ChangePasswordBody, Noted, RequestResetBody, ResetPasswordBody, Resets},
    sessions::{Ended, Sessions},
};
use crate::{
    commands::{EndCustomerSessions, EndSessions},
    credentials::Credentials,
    domain::{AccountId, Email, Meant, Name, Password},
    processes::{customers::AtShop, passwords},
    queries::{CustomerView, FindOwnCustomer, FindShop, ListCustomerSessions, ListSessions},
};

/// The shop that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopPath {
    /// The organisation's slug.
    organisation: Slug,
}

/// The shop and the session that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SessionAtShop {
    /// The organisation's slug.
    organisation: Slug,
    /// One of the customer's sessions.
    session: SessionId,
}

/// An account to make.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// An e-mail address; its case does not matter.
    #[garde(custom(parses(Email::choose)))]
    #[schemars(with = "Email")]
    email: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::choose)))]
    #[schemars(with = "Name")]
    name: String,
    /// 15 to 128 characters, none that many people choose.
    #[garde(custom(parses(Password::choose)))]
    #[schemars(length(min = 15, max = 128))]
    password: String,
}

pub(super) async fn register(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Path(at): Path<ShopPath>,
    Body(body): Body<RegisterBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let (name, at_shop) = body.check(at.organisation, origin)?;
    Ok(rest::Ok(Token::from(at_shop.register(name, app.mediator(), &credentials, &by).await?)))
}

pub(super) async fn log_in(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Path(at): Path<ShopPath>,
    Body(body): Body<AccountLogInBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let (email, password, client_token) = body.check()?;
    let at_shop = AtShop { shop: at.organisation, email, password, client_token, origin };
    Ok(rest::Ok(Token::from(at_shop.log_in(app.mediator(), &credentials, &by).await?)))
}

pub(super) async fn find(
    app: App,
    by: Customer,
    visitor: Visitor,
    Path(at): Path<ShopPath>,
) -> Result<rest::Ok<CustomerView>, Problem> {
    let organisation = here(&app, &by, &visitor, at.organisation).await?;
    let own = FindOwnCustomer { organisation, customer: by.customer() };
    Ok(rest::Ok(app.ask(&by.on_platform(), own).await?))
}

pub(super) async fn log_out(
    app: App,
    by: Customer,
    visitor: Visitor,
    Path(at): Path<ShopPath>,
) -> Result<rest::Ok<Ended>, Problem> {
    let meant = Meant::One(by.session());
    end(&app, &by, &visitor, at.organisation, meant).await
}

pub(super) async fn list_sessions(
    app: App,
    by: Customer,
    visitor: Visitor,
    State(credentials): State<Credentials>,
    Path(at): Path<ShopPath>,
) -> Result<rest::Ok<Sessions>, Problem> {
    let organisation = here(&app, &by, &visitor, at.organisation).await?;
    let account = AccountId::Customer(by.customer(), organisation);
    let asked = ListSessions { account, current: by.session(), idle: credentials.life.idle };
    Ok(rest::Ok(Sessions { items: app.ask(&by.on_platform(), ListCustomerSessions(asked)).await? }))
}

pub(super) async fn end_session(
    app: App,
    by: Customer,
    visitor: Visitor,
    Path(at): Path<SessionAtShop>,
) -> Result<rest::Ok<Ended>, Problem> {
    end(&app, &by, &visitor, at.organisation, Meant::One(at.session)).await
}

pub(super) async fn end_all_sessions(
    app: App,
    by: Customer,
    visitor: Visitor,
    Path(at): Path<ShopPath>,
) -> Result<rest::Ok<Ended>, Problem> {
    end(&app, &by, &visitor, at.organisation, Meant::All).await
}

pub(super) async fn change_password(
    app: App,
    by: Customer,
    visitor: Visitor,
    State(credentials): State<Credentials>,
    Path(at): Path<ShopPath>,
    Body(body): Body<ChangePasswordBody>,
) -> Result<rest::Ok<Ended>, Problem> {
    let organisation = here(&app, &by, &visitor, at.organisation).await?;
    let customer = (AccountId::Customer(by.customer(), organisation), by.session());
    let ended = passwords::change(app.mediator(), &credentials, &by.on_platform(), customer, body.check()?).await?;
    Ok(Ended::of(ended))
}

pub(super) async fn request_reset(
    app: App,
    by: Visitor,
    State(resets): State<Resets>,
    Path(at): Path<ShopPath>,
    Body(body): Body<RequestResetBody>,
) -> Result<rest::Ok<Noted>, Problem> {
    // Whether there is such a shop is no secret, unlike who has an account there.
    app.ask(&by, FindShop { slug: at.organisation.clone() }).await?;
    resets.request(app.mediator().clone(), by, body.check()?, Some(at.organisation));
    Ok(rest::Ok(Noted::new()))
}

pub(super) async fn reset_password(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Path(at): Path<ShopPath>,
    Body(body): Body<ResetPasswordBody>,
) -> Result<rest::Ok<Ended>, Problem> {
    let (token, new) = body.check()?;
    let (token, new) = ((&token, Some(at.organisation)), (new, &origin));
    let reset = passwords::reset(app.mediator(), &credentials, &by, token, new);
    Ok(Ended::of(reset.await?))
}

async fn end(
    app: &App,
    by: &Customer,
    visitor: &Visitor,
    slug: Slug,
    meant: Meant,
) -> Result<rest::Ok<Ended>, Problem> {
    let organisation = here(app, by, visitor, slug).await?;
    let account = AccountId::Customer(by.customer(), organisation);
    let end = EndCustomerSessions(EndSessions { account, meant });
    Ok(Ended::of(app.send(&by.on_platform(), end).await?))
}

/// The shop in the path, if it is the one that the customer is logged in to.
async fn here(app: &App, by: &Customer, visitor: &Visitor, slug: Slug) -> Result<OrganisationId, Problem> {
    let organisation = app.ask(visitor, FindShop { slug }).await?;
    if organisation == by.organisation() {
        return Ok(organisation);
    }
    Err(Problem::new(problems::FORBIDDEN).detail("This account is for another shop."))
}

impl RegisterBody {
    fn check(&self, shop: Slug, origin: Origin) -> Result<(Name, AtShop), Malformed> {
        let (email, password) = (Email::choose(&self.email)?, Password::choose(&self.password)?);
        Ok((Name::choose(&self.name)?, AtShop { shop, email, password, client_token: None, origin }))
    }
}
