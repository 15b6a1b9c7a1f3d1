//! The attributes of products that are about to be written, checked with the definitions of their organisations.

use std::collections::BTreeMap;

use kernel::OrganisationId;
use persistence::{Tenancy, Tx};

use crate::domain::attribute::{self, AttributeCode, AttributeFault, AttributeValue};
use crate::error::Error;
use crate::store;

/// The values of one product that are to be checked, with its organisation.
pub(super) type Values<'v> = (OrganisationId, BTreeMap<&'v AttributeCode, &'v AttributeValue>);

/// What is wrong with each of these products' values, in their order: one SELECT for all, and one more for each organisation
/// of which somebody named an attribute that it does not have.
pub(super) async fn check<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    products: &[Values<'_>],
) -> Result<Vec<Result<(), Vec<AttributeFault>>>, Error> {
    let wanted: Vec<(OrganisationId, &AttributeCode)> = products
        .iter()
        .flat_map(|(organisation, values)| values.keys().map(move |code| (*organisation, *code)))
        .collect();
    let definitions = store::attributes::named(tx, &wanted).await?;
    let mut known = BTreeMap::new();
    for (organisation, code) in &wanted {
        if !definitions.contains_key(&(*organisation, (*code).clone())) && !known.contains_key(organisation) {
            known.insert(*organisation, store::attributes::codes(tx, *organisation).await?);
        }
    }
    let checked = products.iter().map(|(organisation, values)| {
        let definition = |code: &AttributeCode| definitions.get(&(*organisation, code.clone()));
        let codes = known.get(organisation).map(Vec::as_slice).unwrap_or_default();
        attribute::check(values.iter().map(|(code, value)| (*code, *value)), definition, codes)
    });
    Ok(checked.collect())
}
