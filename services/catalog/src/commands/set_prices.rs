//! Giving many variants prices in one call: products locked in the order of their ids, a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::Permission;
use kernel::{Clock, ProductId, Sku, VariantId};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::product_states;
use crate::domain::price::{PriceOutcome, PriceResult, PriceWindow, WrittenPrices};
use crate::domain::product::{PriceSet, Product, SetPrice};
use crate::domain::stock::StockKey;
use crate::error::Error;
use crate::store;

/// Sets base prices and adds prices for a while in one transaction.
#[derive(Debug, Clone)]
pub struct SetPrices {
    /// The prices, in the order of the call.
    pub prices: Vec<SentPrice>,
    /// Whether nothing is written when one price is refused.
    pub all_or_nothing: bool,
}

/// The price of one row.
#[derive(Debug, Clone)]
pub struct SentPrice {
    /// The SKU.
    pub sku: Sku,
    /// What its variant is to cost.
    pub price: SetPrice,
}

/// What became of the rows of the call, by their places in it, from 0.
type Taken = BTreeMap<usize, Result<PriceSet, Error>>;

impl Command for SetPrices {
    const NAME: &'static str = "catalog.set-prices";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = WrittenPrices;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<WrittenPrices, Error> {
        let skus: BTreeSet<&Sku> = self.prices.iter().map(|price| &price.sku).collect();
        let variants = store::prices::variants_of(tx, &skus.into_iter().collect::<Vec<_>>()).await?;
        let ids: BTreeSet<ProductId> = variants.values().map(|(product, _)| *product).collect();
        let mut products = store::prices::lock_products(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
        let versions: HashMap<ProductId, i64> = products.iter().map(|one| (one.id(), one.version())).collect();
        let now = products.iter().map(Product::updated_at).fold(Clock::now(), Ord::max);
        let mut taken = Taken::new();
        for product in &mut products {
            let (places, wanted): (Vec<usize>, Vec<_>) = self.of_product(product.id(), &variants).unzip();
            let of: Vec<VariantId> = wanted.iter().map(|(variant, _)| *variant).collect();
            let set = product.set_prices(wanted, now).into_iter().zip(of);
            let set = set.map(|(set, variant)| set.map_err(|e| Error::price_refused(product.id(), variant, e)));
            taken.extend(places.into_iter().zip(set));
        }
        let done = WrittenPrices::of(self.outcomes(&taken, &variants));
        if self.all_or_nothing && done.failed > 0 {
            let refused = done.rows.into_iter().filter(|row| row.result == PriceResult::Failed).collect();
            return Err(Error::PricesNotWritten { refused });
        }
        let windows: Vec<(ProductId, VariantId, &PriceWindow)> = taken
            .iter()
            .filter_map(|(place, set)| match (set, self.prices.get(*place).and_then(|row| variants.get(&row.sku))) {
                (Ok(PriceSet::Window(window)), Some((product, variant))) => Some((*product, *variant, window)),
                _ => None,
            })
            .collect();
        store::prices::insert(tx, &windows, now).await?;
        products.retain(|product| versions.get(&product.id()) != Some(&product.version()));
        store::products::save(tx, &products.iter().collect::<Vec<_>>()).await?;
        product_states::record(tx, products.iter()).await?;
        Ok(done)
    }
}

impl SetPrices {
    /// The rows of a product, each with its place in the call.
    fn of_product(
        &self,
        product: ProductId,
        variants: &HashMap<Sku, (ProductId, VariantId)>,
    ) -> impl Iterator<Item = (usize, (VariantId, SetPrice))> {
        self.prices.iter().enumerate().filter_map(move |(place, row)| {
            let (of, variant) = variants.get(&row.sku)?;
            (*of == product).then(|| (place, (*variant, row.price.clone())))
        })
    }

    fn outcomes(&self, taken: &Taken, variants: &HashMap<Sku, (ProductId, VariantId)>) -> Vec<PriceOutcome> {
        let outcome = |(place, row): (usize, &SentPrice)| {
            let (result, price, error) = match taken.get(&place) {
                Some(Ok(PriceSet::Window(window))) => (PriceResult::Created, Some(window.id), None),
                Some(Ok(PriceSet::Base)) => (PriceResult::Updated, None, None),
                Some(Ok(PriceSet::Unchanged)) => (PriceResult::Unchanged, None, None),
                Some(Err(refused)) => (PriceResult::Failed, None, Some(refused.to_string())),
                None => {
                    let unknown = Error::StockNotFound { key: StockKey::Sku(row.sku.clone()) };
                    (PriceResult::Failed, None, Some(unknown.to_string()))
                }
            };
            let product = variants.get(&row.sku).map(|(product, _)| *product);
            PriceOutcome { line: place as u64 + 1, result, sku: row.sku.clone(), product, price, error }
        };
        self.prices.iter().enumerate().map(outcome).collect()
    }
}
