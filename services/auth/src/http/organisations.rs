//! Creating organisations, which needs the setup token instead of an account.

use kernel::{Currency, Malformed, OrganisationId, Slug, UserId};
use rest::{App, Body, Credential, CredentialHeader, IdempotencyKey, Problem, Recorded, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::CreateOrganisation,
    credentials::{Credentials, PasswordHash, Seal},
    domain::{Email, Membership, Name, Password},
};

/// The header `X-Setup-Token`.
pub(super) struct Setup;

impl CredentialHeader for Setup {
    const NAME: &'static str = "x-setup-token";
    const MEANING: &'static str =
        "The secret that this installation was started with; it allows creating organisations.";
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
    #[garde(custom(parses(Name::parse)))]
    #[schemars(with = "Name")]
    name: String,
    /// ISO 4217.
    #[garde(custom(parses(Currency::parse)))]
    #[schemars(with = "Currency")]
    currency: String,
    /// The first user, who may do everything in the organisation.
    #[garde(dive)]
    owner: OwnerBody,
}

/// The owner of an organisation to create.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnerBody {
    /// An e-mail address; its case does not matter.
    #[garde(custom(parses(Email::parse)))]
    #[schemars(with = "Email")]
    email: String,
    /// 12 to 128 characters, at least 5 different ones.
    #[garde(custom(parses(Password::choose)))]
    #[schemars(length(min = 12, max = 128))]
    password: String,
    /// 1 to 120 characters.
    #[garde(custom(parses(Name::parse)))]
    #[schemars(with = "Name")]
    name: String,
}

pub(super) async fn create(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    token: Credential<Setup>,
    key: IdempotencyKey,
    Body(body): Body<CreateOrganisationBody>,
) -> Result<Recorded<Membership>, Problem> {
    credentials.setup.check(token.expose())?;
    let wanted = body.check(&credentials.seal)?;
    let password = credentials.hasher.hash(wanted.password.clone()).await?;
    let command = wanted.command(CreateOrganisation::identity(key.key()), password);
    app.create(&by, &key, &wanted, command, |_| "/auth/v1/me".to_owned()).await
}

/// A checked body. What it is written as recognises a repeated request: the order of the fields counts, and instead of
/// the password it has a fingerprint that only this installation can compute.
#[derive(Serialize)]
struct Wanted {
    slug: Slug,
    name: Name,
    currency: Currency,
    email: Email,
    owner_name: Name,
    #[serde(rename = "password")]
    fingerprint: [u8; 32],
    #[serde(skip)]
    password: Password,
}

impl CreateOrganisationBody {
    fn check(&self, seal: &Seal) -> Result<Wanted, Malformed> {
        let password = Password::choose(&self.owner.password)?;
        Ok(Wanted {
            slug: Slug::parse(&self.slug)?,
            name: Name::parse(&self.name)?,
            currency: Currency::parse(&self.currency)?,
            email: Email::parse(&self.owner.email)?,
            owner_name: Name::parse(&self.owner.name)?,
            fingerprint: seal.fingerprint(password.expose()),
            password,
        })
    }
}

impl Wanted {
    fn command(&self, organisation: OrganisationId, password: PasswordHash) -> CreateOrganisation {
        CreateOrganisation {
            organisation,
            slug: self.slug.clone(),
            name: self.name.clone(),
            currency: self.currency,
            owner: UserId::new(),
            email: self.email.clone(),
            owner_name: self.owner_name.clone(),
            password,
        }
    }
}
