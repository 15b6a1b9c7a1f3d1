//! Creating organisations, which needs the setup token instead of an account; what an organisation says of itself.

use access::Caller;
use kernel::{Currency, Expected, Malformed, OrganisationId, Slug, UserId};
use mediator::Scope;
use rest::{
    App, Body, Credential, CredentialHeader, IdempotencyKey, IfMatch, Operator, Origin, Problem, Recorded, Staff,
    State, Tagged, Visitor, parses, problems,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::{ChangeOrganisation, CreateOrganisation},
    credentials::{Credentials, Lane, PasswordHash, Seal},
    domain::{Country, Email, Membership, Name, Organisation, OrganisationChange, Password, TimeZone},
    error::Error,
    processes::log_in::prove_owner,
    queries::FindOrganisation,
};

/// The header `X-Setup-Token`.
pub(super) struct Setup;

impl CredentialHeader for Setup {
    const NAME: &'static str = "x-setup-token";
    const MEANING: &'static str = "The secret that this installation was started with. It allows creating organisations and operators; for the first operator \
         the one-time token that a start printed does, too.";
}

/// An organisation to create.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateOrganisationBody {
    /// 1 to 64 lower-case letters, digits and hyphens; unique in the installation.
    #[garde(custom(parses(Slug::parse)))]
    #[schemars(with = "Slug")]
    slug: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::choose)))]
    #[schemars(with = "Name")]
    name: String,
    /// ISO 4217.
    #[garde(custom(parses(Currency::parse)))]
    #[schemars(with = "Currency")]
    currency: String,
    /// Where it is based; ISO 3166-1, two letters.
    #[garde(inner(custom(parses(Country::parse))))]
    #[schemars(with = "Option<Country>")]
    country: Option<String>,
    /// The time zone of its days, by its IANA name; UTC if left out.
    #[garde(inner(custom(parses(TimeZone::parse))))]
    #[schemars(with = "Option<TimeZone>")]
    time_zone: Option<String>,
    /// The first user, who may do everything in the organisation.
    #[garde(dive)]
    owner: OwnerBody,
}

/// The owner of an organisation to create.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerBody {
    /// An e-mail address; its case does not matter.
    #[garde(custom(parses(Email::choose)))]
    #[schemars(with = "Email")]
    email: String,
    /// 15 to 128 characters, none that many people choose. If the address has an account, that account's password.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::choose)))]
    #[schemars(with = "Name")]
    name: String,
}

pub(super) async fn create(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    token: Credential<Setup>,
    key: IdempotencyKey,
    origin: Origin,
    Body(body): Body<CreateOrganisationBody>,
) -> Result<Recorded<Membership>, Problem> {
    credentials.setup.check(token.expose())?;
    let wanted = body.check(&credentials.seal)?;
    let command = wanted.prove(&app, &credentials, &by, &key, &origin).await?;
    app.create(&by, &key, &wanted, command, |_| "/auth/v1/me".to_owned()).await
}

pub(super) async fn create_by_operator(
    app: App,
    by: Operator,
    State(credentials): State<Credentials>,
    key: IdempotencyKey,
    origin: Origin,
    Body(body): Body<CreateOrganisationBody>,
) -> Result<Recorded<Membership>, Problem> {
    let wanted = body.check(&credentials.seal)?;
    let visitor = Visitor(Scope { caller: Caller::Visitor, ..by.0.clone() });
    let command = wanted.prove(&app, &credentials, &visitor, &key, &origin).await?;
    app.create(&by.0, &key, &wanted, command, |made| format!("/platform/v1/organisations/{}", made.organisation.id))
        .await
}

pub(super) async fn find(app: App, by: Staff) -> Result<Tagged<rest::Ok<Organisation>>, Problem> {
    let organisation = app.ask(&by, FindOrganisation).await?;
    Ok(Tagged::version(organisation.version, rest::Ok(organisation)))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    expected: IfMatch,
    Body(body): Body<ChangeOrganisationBody>,
) -> Result<Tagged<rest::Ok<Organisation>>, Problem> {
    let organisation = app.send(&by, body.command(expected.versions())?).await?;
    Ok(Tagged::version(organisation.version, rest::Ok(organisation)))
}

/// What an organisation shall say of itself; what is left out stays as it is.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeOrganisationBody {
    /// 1 to 120 characters.
    #[garde(inner(custom(parses(Name::choose))))]
    #[schemars(with = "Option<Name>")]
    name: Option<String>,
    /// Where it is based; ISO 3166-1, two letters. Null takes it away.
    #[serde(default, deserialize_with = "kernel::present")]
    #[garde(inner(inner(custom(parses(Country::parse)))))]
    #[schemars(with = "Option<Country>")]
    country: Option<Option<String>>,
    /// The time zone of its days, by its IANA name.
    #[garde(inner(custom(parses(TimeZone::parse))))]
    #[schemars(with = "Option<TimeZone>")]
    time_zone: Option<String>,
    /// Whether its shop takes orders of people without an account.
    #[garde(skip)]
    guests: Option<bool>,
}

impl ChangeOrganisationBody {
    fn command(&self, expected: Expected) -> Result<ChangeOrganisation, Malformed> {
        let parse_country = |code: &Option<String>| code.as_deref().map(Country::parse).transpose();
        let change = OrganisationChange {
            name: self.name.as_deref().map(Name::choose).transpose()?,
            country: self.country.as_ref().map(parse_country).transpose()?,
            time_zone: self.time_zone.as_deref().map(TimeZone::parse).transpose()?,
            guests: self.guests,
        };
        Ok(ChangeOrganisation { expected, change })
    }
}

/// A checked body. What it is written as recognises a repeated request: the order of the fields counts, and instead of
/// the password it has a fingerprint that only this installation can compute.
#[derive(Serialize)]
struct Wanted {
    slug: Slug,
    name: Name,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<TimeZone>,
    email: Email,
    owner_name: Name,
    #[serde(rename = "password")]
    fingerprint: [u8; 32],
    #[serde(skip)]
    password: Password,
}

impl CreateOrganisationBody {
    fn check(&self, seal: &Seal) -> Result<Wanted, Malformed> {
        let password = Password::present(&self.owner.password)?;
        Ok(Wanted {
            slug: Slug::parse(&self.slug)?,
            name: Name::choose(&self.name)?,
            currency: Currency::parse(&self.currency)?,
            country: self.country.as_deref().map(Country::parse).transpose()?,
            time_zone: self.time_zone.as_deref().map(TimeZone::parse).transpose()?,
            email: Email::choose(&self.owner.email)?,
            owner_name: Name::choose(&self.owner.name)?,
            fingerprint: seal.fingerprint(password.expose()),
            password,
        })
    }
}

impl Wanted {
    /// The command, once the owner has proven to be the account of the address, or is somebody new with a good password.
    async fn prove(
        &self,
        app: &App,
        credentials: &Credentials,
        visitor: &Visitor,
        key: &IdempotencyKey,
        origin: &Origin,
    ) -> Result<CreateOrganisation, Problem> {
        let owner = (&self.email, &self.password);
        let known_owner = prove_owner(app.mediator(), credentials, visitor, owner, origin).await?;
        let words = [self.email.as_str(), self.owner_name.as_str(), self.name.as_str(), self.slug.as_str()];
        let password = self.password.clone();
        let hashed = match known_owner {
            // It stays as it is.
            Some(_) => credentials.hasher.hash(password, Lane::Known).await,
            None => credentials.hasher.choose(password, &words, Lane::Known).await,
        };
        let password = hashed.map_err(|error| match error {
            Error::PasswordTooWeak(fault) => Problem::new(problems::INVALID_REQUEST)
                .detail(fault.to_string())
                .field("owner.password", fault.reason()),
            error => error.into(),
        })?;
        Ok(self.command(CreateOrganisation::identity(key.key()), password, known_owner))
    }

    fn command(
        &self,
        organisation: OrganisationId,
        password: PasswordHash,
        known_owner: Option<UserId>,
    ) -> CreateOrganisation {
        CreateOrganisation {
            organisation,
            slug: self.slug.clone(),
            name: self.name.clone(),
            currency: self.currency,
            country: self.country.clone(),
            time_zone: self.time_zone.clone().unwrap_or_default(),
            owner: UserId::new(),
            known_owner,
            email: self.email.clone(),
            owner_name: self.owner_name.clone(),
            password,
        }
    }
}
