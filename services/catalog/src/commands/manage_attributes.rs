//! Attributes that an organisation's products can have: created and changed. None is deleted, since products have values of it.

use std::collections::BTreeMap;

use access::Permission;
use kernel::{Clock, Expected};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::attribute::{AttributeCode, AttributeDefinition, AttributeType, DefinitionChange, Label};
use crate::domain::locale::Locale;
use crate::error::Error;
use crate::store;

/// Creates an attribute.
#[derive(Debug, Clone)]
pub struct CreateAttribute {
    /// Its name in requests.
    pub code: AttributeCode,
    /// What its values are.
    pub r#type: AttributeType,
    /// What its numbers count.
    pub unit: Option<Label>,
    /// What a choice can be.
    pub choices: Vec<Label>,
    /// What people call it, by language.
    pub labels: BTreeMap<Locale, Label>,
}

impl Command for CreateAttribute {
    const NAME: &'static str = "catalog.create-attribute";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = AttributeDefinition;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<AttributeDefinition, Error> {
        let Self { code, r#type, unit, choices, labels } = self.clone();
        let created = AttributeDefinition::create(code, r#type, unit, choices, labels, Clock::now());
        let created = created.map_err(Error::AttributeRefused)?;
        store::attributes::insert(tx, &created).await?;
        Ok(created)
    }
}

/// Changes the labels of an attribute that the caller has read in one of the versions `expected`, or adds choices to it.
#[derive(Debug, Clone)]
pub struct ChangeAttribute {
    /// The attribute.
    pub code: AttributeCode,
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// What is to be different.
    pub change: DefinitionChange,
}

impl Command for ChangeAttribute {
    const NAME: &'static str = "catalog.change-attribute";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = AttributeDefinition;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<AttributeDefinition, Error> {
        let mut definition = store::attributes::lock(tx, &self.code).await?;
        if !self.expected.includes(definition.version) {
            return Err(Error::StaleAttribute { code: self.code.clone(), current: definition.version });
        }
        if definition.change(self.change.clone(), Clock::now()).map_err(Error::AttributeRefused)? {
            store::attributes::save(tx, &definition).await?;
        }
        Ok(definition)
    }
}
