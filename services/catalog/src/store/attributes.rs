//! Definitions of attributes: inserted and changed one by one, read by code for the products that use them.

use std::collections::{BTreeMap, HashMap};

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::OrganisationId;
use persistence::{Tenancy, Tx};

use crate::domain::attribute::{AttributeCode, AttributeDefinition, Label};
use crate::error::Error;
use crate::projections::attribute::Row;
use crate::schema::attribute_definitions as definitions;

/// The definitions of those codes that have one, of however many organisations.
pub(crate) async fn named<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &AttributeCode)],
) -> Result<HashMap<(OrganisationId, AttributeCode), AttributeDefinition>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(uuid::Uuid, Row)> = definitions::table
        .filter(definitions::org_id.eq_any(wanted.iter().map(|(organisation, _)| organisation.uuid())))
        .filter(definitions::code.eq_any(wanted.iter().map(|(_, code)| code.as_str())))
        .select((definitions::org_id, Row::as_select()))
        .load(tx.connection())
        .await?;
    rows.into_iter()
        .map(|(organisation, row)| {
            let definition = AttributeDefinition::try_from(row)?;
            Ok(((OrganisationId::from_uuid(organisation), definition.code.clone()), definition))
        })
        .collect()
}

/// The codes of all attributes of an organisation, for whoever named another one.
pub(crate) async fn codes<T: Tenancy>(tx: &mut Tx<'_, T>, organisation: OrganisationId) -> Result<Vec<Label>, Error> {
    let codes: Vec<String> = definitions::table
        .filter(definitions::org_id.eq(organisation.uuid()))
        .order_by(definitions::position)
        .select(definitions::code)
        .load(tx.connection())
        .await?;
    codes.iter().map(|code| Label::parse(code).map_err(|cause| Error::corrupt("attribute", cause))).collect()
}

/// Locks one definition and loads it.
pub(crate) async fn lock(tx: &mut Tx<'_>, code: &AttributeCode) -> Result<AttributeDefinition, Error> {
    let row: Option<Row> = definitions::table
        .filter(definitions::org_id.eq(tx.organisation().uuid()))
        .filter(definitions::code.eq(code.as_str()))
        .select(Row::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or_else(|| Error::AttributeNotFound { code: code.clone() })?.try_into()
}

/// Inserts a definition behind those that there are.
pub(crate) async fn insert(tx: &mut Tx<'_>, definition: &AttributeDefinition) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let own = definitions::table.filter(definitions::org_id.eq(organisation));
    let codes: Vec<String> = own.select(definitions::code).load(tx.connection()).await?;
    if codes.iter().any(|code| code == definition.code.as_str()) {
        return Err(Error::AttributeTaken { code: definition.code.clone() });
    }
    let position = i32::try_from(codes.len() + 1).unwrap_or(i32::MAX);
    if i64::from(position) > AttributeDefinition::MOST {
        return Err(Error::TooManyAttributes);
    }
    diesel::insert_into(definitions::table)
        .values((
            definitions::org_id.eq(organisation),
            definitions::code.eq(definition.code.as_str()),
            definitions::kind.eq(<&str>::from(definition.r#type)),
            definitions::unit.eq(definition.unit.as_ref().map(Label::as_str)),
            definitions::choices.eq(choices(definition)),
            definitions::labels.eq(labels(definition)),
            definitions::position.eq(position),
            definitions::version.eq(definition.version),
            definitions::created_at.eq(definition.created_at),
            definitions::updated_at.eq(definition.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Writes a changed definition, which the caller has locked.
pub(crate) async fn save(tx: &mut Tx<'_>, definition: &AttributeDefinition) -> Result<(), Error> {
    let row = definitions::table
        .filter(definitions::org_id.eq(tx.organisation().uuid()))
        .filter(definitions::code.eq(definition.code.as_str()));
    diesel::update(row)
        .set((
            definitions::choices.eq(choices(definition)),
            definitions::labels.eq(labels(definition)),
            definitions::version.eq(definition.version),
            definitions::updated_at.eq(definition.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

fn choices(definition: &AttributeDefinition) -> Vec<&str> {
    definition.choices.iter().map(Label::as_str).collect()
}

fn labels(definition: &AttributeDefinition) -> serde_json::Value {
    let labels: BTreeMap<&str, &str> =
        definition.labels.iter().map(|(locale, label)| (locale.as_str(), label.as_str())).collect();
    serde_json::json!(labels)
}
