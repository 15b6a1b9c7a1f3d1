//! Attributes that an organisation's products can have, for staff.

use std::collections::BTreeMap;

use kernel::Malformed;
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Recorded, Staff, Tagged, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::manage_attributes::{ChangeAttribute, CreateAttribute};
use crate::domain::attribute::{AttributeCode, AttributeDefinition, AttributeType, DefinitionChange, Label};
use crate::domain::entries::Entries;
use crate::domain::locale::Locale;
use crate::queries::find_attribute::FindAttribute;
use crate::queries::list_attributes::ListAttributes;

/// The attribute.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AttributePath {
    code: AttributeCode,
}

/// An attribute to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateAttributeBody {
    /// 1 to 40 lower-case letters, digits and underscores, a letter first; unique in the organisation. It never changes.
    #[garde(custom(parses(AttributeCode::parse)))]
    #[schemars(with = "AttributeCode")]
    code: String,
    /// What its values are. It never changes.
    #[garde(skip)]
    r#type: AttributeType,
    /// What a number counts; 1 to 100 characters. It never changes.
    #[garde(inner(custom(parses(Label::parse))))]
    #[schemars(with = "Option<Label>")]
    unit: Option<String>,
    /// What a choice can be: 1 to 500 different texts of 1 to 100 characters.
    #[serde(default)]
    #[garde(length(max = 500), inner(custom(parses(Label::parse))))]
    #[schemars(length(max = 500), with = "Vec<Label>")]
    choices: Vec<String>,
    /// What people call it, by language (`en`, `vi`); 1 to 20.
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    labels: BTreeMap<Locale, Label>,
}

/// A change of an attribute. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeAttributeBody {
    /// What people call it, by language; a label that is null goes, the others stay.
    #[garde(skip)]
    #[schemars(extend("maxProperties" = 20))]
    labels: Option<BTreeMap<Locale, Option<Label>>>,
    /// Choices to put behind those that there are; none of those is ever taken away.
    #[serde(default)]
    #[garde(length(max = 500), inner(custom(parses(Label::parse))))]
    #[schemars(length(max = 500), with = "Vec<Label>")]
    new_choices: Vec<String>,
}

/// All attributes of an organisation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Attributes {
    /// In the order in which they were created.
    items: Vec<AttributeDefinition>,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateAttributeBody>,
) -> Result<Recorded<AttributeDefinition>, Problem> {
    let command = body.command()?;
    app.create(&by, &key, &body, command, location).await
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Attributes>, Problem> {
    Ok(rest::Ok(Attributes { items: app.ask(&by, ListAttributes).await? }))
}

pub(super) async fn find(
    app: App,
    by: Staff,
    Path(at): Path<AttributePath>,
) -> Result<Tagged<rest::Ok<AttributeDefinition>>, Problem> {
    Ok(tagged(app.ask(&by, FindAttribute { code: at.code }).await?))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<AttributePath>,
    expected: IfMatch,
    Body(body): Body<ChangeAttributeBody>,
) -> Result<Tagged<rest::Ok<AttributeDefinition>>, Problem> {
    let command = ChangeAttribute { code: at.code, expected: expected.versions(), change: body.change()? };
    Ok(tagged(app.send(&by, command).await?))
}

fn tagged(definition: AttributeDefinition) -> Tagged<rest::Ok<AttributeDefinition>> {
    Tagged::version(definition.version, rest::Ok(definition))
}

fn location(definition: &AttributeDefinition) -> String {
    format!("/admin/v1/attributes/{}", definition.code)
}

impl CreateAttributeBody {
    fn command(&self) -> Result<CreateAttribute, Malformed> {
        Ok(CreateAttribute {
            code: AttributeCode::parse(&self.code)?,
            r#type: self.r#type,
            unit: self.unit.as_deref().map(Label::parse).transpose()?,
            choices: labels(&self.choices)?,
            labels: self.labels.clone(),
        })
    }
}

impl ChangeAttributeBody {
    fn change(&self) -> Result<DefinitionChange, Malformed> {
        let new_choices = labels(&self.new_choices)?;
        Ok(DefinitionChange { labels: self.labels.clone().map_or(Entries::Stay, Entries::Change), new_choices })
    }
}

fn labels(texts: &[String]) -> Result<Vec<Label>, Malformed> {
    texts.iter().map(|text| Label::parse(text)).collect()
}
