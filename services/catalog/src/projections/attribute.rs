//! A row of the attribute definitions as the domain's value.

use std::collections::BTreeMap;

use diesel::{Queryable, Selectable};
use kernel::{Malformed, Timestamp};

use crate::domain::attribute::{AttributeCode, AttributeDefinition, Label};
use crate::domain::locale::Locale;
use crate::error::Error;
use crate::schema::attribute_definitions;

#[derive(Queryable, Selectable)]
#[diesel(table_name = attribute_definitions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Row {
    code: String,
    kind: String,
    unit: Option<String>,
    choices: Vec<String>,
    labels: serde_json::Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for AttributeDefinition {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let corrupt = |cause: Malformed| Error::corrupt("attribute", cause);
        let labels: BTreeMap<Locale, Label> =
            serde_json::from_value(row.labels).map_err(|cause| Error::corrupt("attribute", cause))?;
        Ok(Self {
            code: AttributeCode::parse(&row.code).map_err(corrupt)?,
            r#type: kernel::parse_name("type", &row.kind).map_err(corrupt)?,
            unit: row.unit.as_deref().map(Label::parse).transpose().map_err(corrupt)?,
            choices: row
                .choices
                .iter()
                .map(|choice| Label::parse(choice))
                .collect::<Result<_, _>>()
                .map_err(corrupt)?,
            labels,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
