//! Creating a product with its variants and the stock that they begin with. Products that are created at the same time
//! share a transaction.

use std::collections::HashMap;

use access::Permission;
use kernel::{CategoryId, Clock, OrganisationId, Sku, VariantId};
use mediator::{Command, Grouped, Member, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};

use super::attribute_values;
use crate::domain::barcode::Barcode;
use crate::domain::product::{Details, NewProduct, NewSlug, Product, TakenBarcode, TakenSku};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::products::Insertion;
use crate::store::stock::Opening;

/// Creates a product.
#[derive(Debug, Clone)]
pub struct CreateProduct {
    /// What is to be created.
    pub product: NewProduct,
}

impl Command for CreateProduct {
    const NAME: &'static str = "catalog.create-product";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Product;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Product, Error> {
        group_of_one(self, tx).await
    }
}

impl Grouped for CreateProduct {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        let now = Clock::now();
        let mut products = Vec::with_capacity(members.len());
        for member in members {
            products.push(Product::create(member.command.product.clone(), now).map_err(Error::ProductRefused));
        }
        let paths = refuse_unknown_categories(tx, members, &mut products).await?;
        refuse_attributes(tx, members, &mut products).await?;
        if members.len() > 1 {
            // One of them would undo the others.
            refuse_taken_skus(tx, members, &mut products).await?;
            refuse_taken_barcodes(tx, members, &mut products).await?;
        }
        insert(tx, members, &mut products).await?;
        let openings: Vec<Opening<'_>> =
            accepted(members, &products).flat_map(|(member, product)| openings(member, product)).collect();
        store::stock::open(tx, &openings, "initial stock", now).await?;
        for (member, product) in accepted(members, &products) {
            let (organisation, provenance) = (member.organisation, member.provenance);
            let path = product.category().and_then(|category| paths.get(&(organisation, category)));
            let state = published::product(product, path.map(Vec::as_slice).unwrap_or_default());
            tx.record_within(organisation, provenance, now, product.version(), state);
            for opening in self::openings(member, product).filter(|opening| opening.stock().begins_low()) {
                let stock = opening.stock();
                let event = published::low(opening.sku.clone(), (product.id(), opening.variant), stock);
                tx.record_within(organisation, provenance, now, stock.version, event);
            }
        }
        Ok(products)
    }
}

/// The members whose product is not refused, with it.
fn accepted<'m, 'c>(
    members: &'m [Member<'c, CreateProduct>],
    products: &'m [Result<Product, Error>],
) -> impl Iterator<Item = (&'m Member<'c, CreateProduct>, &'m Product)> {
    members.iter().zip(products).filter_map(|(member, product)| Some((member, product.as_ref().ok()?)))
}

/// Inserts the products that are not refused yet. Those whose slug was only suggested and is taken are inserted once more,
/// with a suffix.
async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<(), Error> {
    let new: Vec<(OrganisationId, &Product)> =
        accepted(members, products).map(|(member, product)| (member.organisation, product)).collect();
    let mut insertions = store::products::insert(tx, &new).await?.into_iter();
    let mut again = Vec::new();
    for (position, (member, product)) in members.iter().zip(&mut *products).enumerate() {
        let Ok(created) = product.as_mut() else { continue };
        match (insertions.next(), &member.command.product.slug) {
            (Some(Insertion::SlugTaken), NewSlug::Suggested(_)) => {
                created.suffix_slug();
                again.push(position);
            }
            (Some(Insertion::SlugTaken), NewSlug::Asked(slug)) => {
                *product = Err(Error::SlugTaken { slug: slug.clone() });
            }
            // Half of it is written: whoever shares the transaction is tried again without it.
            (Some(Insertion::VariantsTaken(variants)), _) => {
                return Err(taken(tx, member.organisation, created, &variants).await?);
            }
            (Some(Insertion::Done) | None, _) => {}
        }
    }
    let suffixed: Vec<(OrganisationId, &Product)> = again
        .iter()
        .filter_map(|at| Some((members.get(*at)?.organisation, products.get(*at)?.as_ref().ok()?)))
        .collect();
    let insertions = store::products::insert(tx, &suffixed).await?;
    for ((organisation, product), insertion) in suffixed.into_iter().zip(insertions) {
        match insertion {
            Insertion::Done => {}
            Insertion::SlugTaken => return Err(Error::Overtaken { what: "a slug" }),
            Insertion::VariantsTaken(variants) => return Err(taken(tx, organisation, product, &variants).await?),
        }
    }
    Ok(())
}

/// Who has the SKUs or barcodes of those variants of a product that could not be inserted.
async fn taken<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    organisation: OrganisationId,
    product: &Product,
    variants: &[VariantId],
) -> Result<Error, Error> {
    let refused = || product.variants().iter().filter(|variant| variants.contains(&variant.id));
    let skus: Vec<Sku> = refused().map(|variant| variant.sku.clone()).collect();
    let taken = store::products::taken_skus_of(tx, organisation, &skus).await?;
    if !taken.is_empty() {
        return Ok(Error::SkuTaken { taken });
    }
    let barcodes = refused().filter_map(|variant| Some((organisation, variant.details.barcode.as_ref()?)));
    let wanted: Vec<(OrganisationId, &Barcode)> = barcodes.collect();
    let mut holders = store::products::taken_barcodes(tx, &wanted).await?;
    let taken: Vec<TakenBarcode> =
        wanted.iter().filter_map(|(_, barcode)| holders.remove(&(organisation, (*barcode).clone()))).collect();
    Ok(if taken.is_empty() { Error::Overtaken { what: "a SKU or barcode" } } else { Error::BarcodeTaken { taken } })
}

/// Gives the paths of the categories that are known.
async fn refuse_unknown_categories<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<HashMap<(OrganisationId, CategoryId), Vec<CategoryId>>, Error> {
    let asked: Vec<(OrganisationId, CategoryId)> = accepted(members, products)
        .flat_map(|(member, product)| product.details().categories.iter().map(|one| (member.organisation, *one)))
        .collect();
    let known = store::categories::known(tx, &asked).await?;
    for (member, product) in members.iter().zip(products) {
        let Ok(created) = product else { continue };
        let is_unknown = |category: &&CategoryId| !known.contains_key(&(member.organisation, **category));
        if let Some(category) = created.details().categories.iter().find(is_unknown).copied() {
            let is_primary = member.command.product.category == Some(category);
            *product =
                Err(Error::CategoryUnknown { category, field: if is_primary { "category" } else { "categories" } });
        }
    }
    Ok(known)
}

async fn refuse_attributes<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<(), Error> {
    let none = Details::default();
    let values: Vec<attribute_values::Values<'_>> = members
        .iter()
        .zip(&*products)
        .map(|(member, product)| {
            let details = product.as_ref().map_or(&none, Product::details);
            (member.organisation, details.new_attributes(&none))
        })
        .collect();
    let checked = attribute_values::check(tx, &values).await?;
    for (product, checked) in products.iter_mut().zip(checked) {
        if let Err(faults) = checked {
            *product = Err(Error::AttributesRefused(faults));
        }
    }
    Ok(())
}

async fn refuse_taken_barcodes<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<(), Error> {
    let wanted: Vec<(OrganisationId, &Barcode)> = accepted(members, products)
        .flat_map(|(member, product)| barcodes(product).map(|barcode| (member.organisation, barcode)))
        .collect();
    let taken = store::products::taken_barcodes(tx, &wanted).await?;
    for (member, product) in members.iter().zip(products) {
        let Ok(created) = product else { continue };
        let held = |barcode: &Barcode| taken.get(&(member.organisation, barcode.clone())).cloned();
        let taken: Vec<TakenBarcode> = barcodes(created).filter_map(held).collect();
        if !taken.is_empty() {
            *product = Err(Error::BarcodeTaken { taken });
        }
    }
    Ok(())
}

fn barcodes(product: &Product) -> impl Iterator<Item = &Barcode> {
    product.variants().iter().filter_map(|variant| variant.details.barcode.as_ref())
}

async fn refuse_taken_skus<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<(), Error> {
    let wanted: Vec<(OrganisationId, &Sku)> = accepted(members, products)
        .flat_map(|(member, product)| product.variants().iter().map(|variant| (member.organisation, &variant.sku)))
        .collect();
    let taken = store::products::taken_skus(tx, &wanted).await?;
    if taken.is_empty() {
        return Ok(());
    }
    for (member, product) in members.iter().zip(products) {
        let Ok(created) = product else { continue };
        let skus = created.variants().iter().map(|variant| variant.sku.clone());
        let taken: Vec<TakenSku> = skus.filter_map(|sku| taken.get(&(member.organisation, sku)).cloned()).collect();
        if !taken.is_empty() {
            *product = Err(Error::SkuTaken { taken });
        }
    }
    Ok(())
}

/// The stock that a product's variants begin with.
fn openings<'m>(member: &'m Member<'_, CreateProduct>, product: &'m Product) -> impl Iterator<Item = Opening<'m>> {
    let wanted = &member.command.product.variants;
    product.variants().iter().zip(wanted).map(|(variant, new)| Opening {
        organisation: member.organisation,
        actor: &member.provenance.actor,
        variant: variant.id,
        sku: &variant.sku,
        on_hand: new.stock,
        low_threshold: new.low_threshold,
    })
}
