//! Telling what products are now, each with the path of its category, which is looked up once for all of them.

use kernel::OrganisationId;
use persistence::Tx;

use crate::domain::product::Product;
use crate::error::Error;
use crate::published;
use crate::store;

/// Records the states of changed products.
pub(super) async fn record<'p>(
    tx: &mut Tx<'_>,
    products: impl Iterator<Item = &'p Product> + Clone,
) -> Result<(), Error> {
    let organisation: OrganisationId = tx.organisation();
    let asked: Vec<_> = products.clone().filter_map(|one| Some((organisation, one.category()?))).collect();
    let paths = store::categories::known(tx, &asked).await?;
    for product in products {
        let path = product.category().and_then(|category| paths.get(&(organisation, category)));
        let state = published::product(product, path.map(Vec::as_slice).unwrap_or_default());
        tx.record(product.version(), state);
    }
    Ok(())
}
