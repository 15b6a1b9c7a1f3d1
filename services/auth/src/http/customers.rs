//! Customers of a shop: making an account, logging in and out, and what they are told of themselves.

use kernel::{Malformed, Slug};
use rest::{App, Body, Customer, Origin, Path, Problem, State, Visitor, parses, problems};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    logins::{Token, presented},
    sessions::Ended,
};
use crate::{
    commands::EndCustomerSessions,
    credentials::Credentials,
    domain::{Email, Meant, Name, Password},
    processes::customers::AtShop,
    queries::{CustomerView, FindOwnCustomer, FindShop},
};

/// The shop that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopPath {
    /// The organisation's slug.
    organisation: Slug,
}

/// An account to make.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// An e-mail address; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::parse)))]
    #[schemars(with = "Name")]
    name: String,
    /// 12 to 128 characters, none that many people choose.
    #[garde(custom(parses(Password::choose)))]
    #[schemars(length(min = 12, max = 128))]
    password: String,
}

/// The account to log in to, and its password.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerLogInBody {
    /// The address of the account; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// The password of the account.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
    /// The `client_token` of an earlier login.
    #[garde(inner(custom(parses(presented))))]
    #[schemars(length(min = 1, max = 128))]
    client_token: Option<String>,
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
    Body(body): Body<CustomerLogInBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let at_shop = body.check(at.organisation, origin)?;
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
    here(&app, &by, &visitor, at.organisation).await?;
    let end = EndCustomerSessions { customer: by.customer(), meant: Meant::One(by.session()) };
    Ok(Ended::of(app.send(&by.on_platform(), end).await?))
}

/// The shop in the path, if it is the one that the customer is logged in to.
async fn here(app: &App, by: &Customer, visitor: &Visitor, slug: Slug) -> Result<kernel::OrganisationId, Problem> {
    let organisation = app.ask(visitor, FindShop { slug }).await?;
    if organisation == by.organisation() { Ok(organisation) } else { Err(Problem::new(problems::FORBIDDEN)) }
}

impl RegisterBody {
    fn check(&self, shop: Slug, origin: Origin) -> Result<(Name, AtShop), Malformed> {
        let (email, password) = (Email::parse(&self.email)?, Password::choose(&self.password)?);
        Ok((Name::parse(&self.name)?, AtShop { shop, email, password, client_token: None, origin }))
    }
}

impl CustomerLogInBody {
    fn check(&self, shop: Slug, origin: Origin) -> Result<AtShop, Malformed> {
        let client_token = self.client_token.as_deref().map(presented).transpose()?;
        let (email, password) = (Email::parse(&self.email)?, Password::present(&self.password)?);
        Ok(AtShop { shop, email, password, client_token, origin })
    }
}
