//! Creating a product with its variants and the stock that they begin with. Products that are created at the same time
//! share a transaction.

use access::Permission;
use kernel::{CategoryId, Clock, OrganisationId, Sku};
use mediator::{Command, Grouped, Member, Results, Tenant, group_of_one};
use persistence::{Tenancy, Tx};

use crate::domain::product::{NewProduct, NewSlug, Product, TakenSku};
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
        refuse_unknown_categories(tx, members, &mut products).await?;
        if members.len() > 1 {
            // One of them would undo the others.
            refuse_taken_skus(tx, members, &mut products).await?;
        }
        insert(tx, members, &mut products).await?;
        let openings: Vec<Opening<'_>> =
            accepted(members, &products).flat_map(|(member, product)| openings(member, product)).collect();
        store::stock::open(tx, &openings, "initial stock", now).await?;
        for (member, product) in accepted(members, &products) {
            let (organisation, provenance) = (member.organisation, member.provenance);
            tx.record_within(organisation, provenance, now, product.version(), published::product(product));
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
            (Some(Insertion::SkusTaken(skus)), _) => {
                let taken = store::products::taken_skus_of(tx, member.organisation, &skus).await?;
                return Err(Error::SkuTaken { taken });
            }
            (Some(Insertion::Done) | None, _) => {}
        }
    }
    let suffixed: Vec<(OrganisationId, &Product)> = again
        .iter()
        .filter_map(|at| Some((members.get(*at)?.organisation, products.get(*at)?.as_ref().ok()?)))
        .collect();
    let owners: Vec<OrganisationId> = suffixed.iter().map(|(organisation, _)| *organisation).collect();
    for (organisation, insertion) in owners.into_iter().zip(store::products::insert(tx, &suffixed).await?) {
        match insertion {
            Insertion::Done => {}
            Insertion::SlugTaken => return Err(Error::Overtaken { what: "a slug" }),
            Insertion::SkusTaken(skus) => {
                let taken = store::products::taken_skus_of(tx, organisation, &skus).await?;
                return Err(Error::SkuTaken { taken });
            }
        }
    }
    Ok(())
}

async fn refuse_unknown_categories<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    members: &[Member<'_, CreateProduct>],
    products: &mut [Result<Product, Error>],
) -> Result<(), Error> {
    let asked: Vec<(OrganisationId, CategoryId)> = accepted(members, products)
        .filter_map(|(member, product)| Some((member.organisation, product.category()?)))
        .collect();
    let known = store::categories::known(tx, &asked).await?;
    for (member, product) in members.iter().zip(products) {
        if let Some(category) = product.as_ref().ok().and_then(Product::category)
            && !known.contains(&(member.organisation, category))
        {
            *product = Err(Error::CategoryUnknown { category });
        }
    }
    Ok(())
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
