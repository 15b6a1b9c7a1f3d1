//! Operators of the installation: made with a setup token, logged in, and what they alone may do.

use kernel::{Malformed, OrganisationId, UserId};
use rest::{App, Body, Credential, Operator, Origin, Path, Problem, Query, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    logins::{AccountLogInBody, Token},
    organisations::Setup,
};
use crate::{
    commands::SuspendOrganisation,
    credentials::Credentials,
    domain::{Email, Name, NewOperator, Organisation, Password},
    processes::{
        log_in::{Aim, LogIn},
        operators::{self, warrant},
    },
    queries::{FindAnyOrganisation, ListOrganisations},
};

/// An operator to make.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateOperatorBody {
    /// An e-mail address; its case does not matter.
    #[garde(custom(parses(Email::choose)))]
    #[schemars(with = "Email")]
    email: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::choose)))]
    #[schemars(with = "Name")]
    name: String,
    /// 15 to 128 characters, none that many people choose. If the address has an account, that account's password.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
}

/// The operator that was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct MadeOperator {
    /// The person.
    user: UserId,
}

/// The organisation that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct OrganisationPath {
    organisation: OrganisationId,
}

/// Which part of the list is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganisationsFilter {
    /// How many organisations are passed over; 0 if left out.
    #[serde(default)]
    offset: u32,
}

/// Organisations of the installation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Organisations {
    /// By slug, at most 1,000.
    items: Vec<Organisation>,
}

pub(super) async fn create(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    token: Credential<Setup>,
    origin: Origin,
    Body(body): Body<CreateOperatorBody>,
) -> Result<rest::Ok<MadeOperator>, Problem> {
    let warrant = (warrant(&credentials, token.expose())?, &origin);
    let user = operators::create(body.check()?, app.mediator(), &credentials, &by, warrant).await?;
    Ok(rest::Ok(MadeOperator { user }))
}

pub(super) async fn log_in(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Body(body): Body<AccountLogInBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let (email, password, client_token) = body.check()?;
    let log_in = LogIn { aim: Aim::Installation, email, password, client_token, origin };
    Ok(rest::Ok(Token::from(log_in.run(app.mediator(), &credentials, &by).await?)))
}

pub(super) async fn list(
    app: App,
    by: Operator,
    Query(filter): Query<OrganisationsFilter>,
) -> Result<rest::Ok<Organisations>, Problem> {
    let asked = ListOrganisations { offset: i64::from(filter.offset) };
    Ok(rest::Ok(Organisations { items: app.ask(&by.0, asked).await? }))
}

pub(super) async fn find(
    app: App,
    by: Operator,
    Path(at): Path<OrganisationPath>,
) -> Result<rest::Ok<Organisation>, Problem> {
    Ok(rest::Ok(app.ask(&by.0, FindAnyOrganisation { organisation: at.organisation }).await?))
}

pub(super) async fn suspend(
    app: App,
    by: Operator,
    Path(at): Path<OrganisationPath>,
) -> Result<rest::Ok<Organisation>, Problem> {
    Ok(rest::Ok(app.send(&by.0, SuspendOrganisation { organisation: at.organisation, active: false }).await?))
}

pub(super) async fn resume(
    app: App,
    by: Operator,
    Path(at): Path<OrganisationPath>,
) -> Result<rest::Ok<Organisation>, Problem> {
    Ok(rest::Ok(app.send(&by.0, SuspendOrganisation { organisation: at.organisation, active: true }).await?))
}

impl CreateOperatorBody {
    fn check(&self) -> Result<NewOperator, Malformed> {
        let (email, name) = (Email::choose(&self.email)?, Name::choose(&self.name)?);
        Ok(NewOperator { email, name, password: Password::present(&self.password)? })
    }
}
