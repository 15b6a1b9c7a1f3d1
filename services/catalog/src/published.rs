//! The catalog's domain values as the events on its own topics. Sees the domain only.

use std::collections::BTreeMap;

use contracts::catalog::{
    self, AvailabilityState, ConfirmRefused, Expired, Extended, ExtensionRefused, Finished, ImportEvent, LocationLevel,
    Low, ProductState, ProductStatus, Rejected, ReservationEvent, Reserved, ReservedLine, ServedFrom, StockEvent,
    VariantState,
};
use kernel::{CategoryId, OrderId, ProductId, Sku, Slug, VariantId};

use crate::domain::availability::Stock;
use crate::domain::import::Ended;
use crate::domain::locale::Translation;
use crate::domain::location::{LocatedPieces, Location, Placed};
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::media::Medium;
use crate::domain::product::{Offer, Product, ProductOption, Variant};
use crate::domain::reservation::{Line, Notice, Shelf, quantity};
use crate::domain::serving::Portion;

/// The whole product as it is now. `category_path` leads from the root to its primary category.
pub(crate) fn product(product: &Product, category_path: &[CategoryId]) -> ProductState {
    let details = product.details();
    let (slug, title) = (product.slug().clone(), product.title().to_string());
    ProductState {
        category: product.category(),
        categories: details.categories.clone(),
        category_path: category_path.to_vec(),
        brand: text(details.brand.as_ref()),
        short_description: text(Some(&details.short_description)).filter(|text| !text.is_empty()),
        description: text(Some(product.description())).filter(|text| !text.is_empty()),
        tags: details.tags.iter().map(ToString::to_string).collect(),
        attributes: details.attributes.iter().map(|(code, value)| (code.to_string(), value.plain().clone())).collect(),
        media: details.media.iter().map(medium).collect(),
        options: details.options.iter().map(option).collect(),
        external_references: texts(&details.external_references),
        translations: details
            .translations
            .iter()
            .map(|(locale, texts)| (locale.to_string(), translation(texts)))
            .collect(),
        text_digest: product.text_digest(),
        channels: details.channels.clone(),
        variants: product.variants().iter().map(|one| variant(one, product.offer(one))).collect(),
        ..ProductState::new(product.id(), slug, title, product.status(), product.version())
    }
}

/// The last state of a product that was deleted: none of it is sold, and its SKUs are free.
pub(crate) fn deleted(product: &Product) -> ProductState {
    let (slug, title) = (product.slug().clone(), product.title().to_string());
    ProductState {
        deleted: true,
        ..ProductState::new(product.id(), slug, title, ProductStatus::Retired, product.version() + 1)
    }
}

fn variant(variant: &Variant, offer: Offer) -> VariantState {
    let details = &variant.details;
    VariantState {
        price_elsewhere: (offer.elsewhere != offer.shop).then_some(offer.elsewhere),
        channel_prices: offer
            .channels
            .into_iter()
            .map(|(channel, price)| catalog::ChannelPrice { channel, price })
            .collect(),
        compare_at: details.compare_at,
        cost: details.cost,
        barcode: text(details.barcode.as_ref()),
        option_values: texts(&details.option_values),
        weight_grams: details.weight_grams.map(Grams::get),
        length_mm: details.length_mm.map(Millimetres::get),
        width_mm: details.width_mm.map(Millimetres::get),
        height_mm: details.height_mm.map(Millimetres::get),
        external_references: texts(&details.external_references),
        active: variant.active,
        ..VariantState::new(variant.id, variant.sku.clone(), variant.title.to_string(), offer.shop)
    }
}

fn medium(medium: &Medium) -> catalog::Medium {
    catalog::Medium { url: medium.url.to_string(), kind: medium.kind, alt: text(medium.alt.as_ref()) }
}

fn option(option: &ProductOption) -> catalog::ProductOption {
    let values = option.values.iter().map(ToString::to_string).collect();
    catalog::ProductOption { name: option.name.to_string(), values }
}

fn translation(texts: &Translation) -> catalog::Translation {
    catalog::Translation {
        title: text(texts.title.as_ref()),
        short_description: text(texts.short_description.as_ref()),
        description: text(texts.description.as_ref()),
    }
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn texts(entries: &BTreeMap<impl ToString, impl ToString>) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// What order is told about a reservation, and which places serve each SKU of the order where they are not all the default one.
pub(crate) fn reservation(
    order: OrderId,
    notice: Notice,
    served: Option<&BTreeMap<Sku, Vec<Portion>>>,
) -> ReservationEvent {
    let places = |sku: &Sku| served.and_then(|of_all| of_all.get(sku)).map(Vec::as_slice).unwrap_or_default();
    let line = |line: Line| ReservedLine {
        quantity: quantity(line.pieces),
        serving: places(&line.sku).iter().filter_map(served_from).collect(),
        oversold: (line.oversold > 0).then(|| quantity(line.oversold)),
        sku: line.sku,
    };
    match notice {
        Notice::Reserved { lines, expires_at } => {
            ReservationEvent::Reserved(Reserved { order, lines: lines.into_iter().map(line).collect(), expires_at })
        }
        Notice::Rejected(reasons) => ReservationEvent::Rejected(Rejected { order, reasons }),
        Notice::Expired => ReservationEvent::Expired(Expired { order }),
        Notice::ConfirmRefused => ReservationEvent::ConfirmRefused(ConfirmRefused { order }),
        Notice::Extended { number, lines } => {
            ReservationEvent::Extended(Extended { order, number, lines: lines.into_iter().map(line).collect() })
        }
        Notice::ExtensionRefused { number, reasons } => {
            ReservationEvent::ExtensionRefused(ExtensionRefused { order, number, reasons })
        }
    }
}

fn served_from(portion: &Portion) -> Option<ServedFrom> {
    // Every code is a slug; one that is none would be a defect of the tables, which the read side reports.
    let location = Slug::parse(&portion.location).ok()?;
    Some(ServedFrom { location, quantity: quantity(portion.pieces) })
}

/// What can be sold of a SKU as it is now, of which the locations but the default one have so much.
pub(crate) fn availability(sku: Sku, shelf: &Shelf, levels: &[LocatedPieces]) -> AvailabilityState {
    let stock = shelf.stock;
    // What was promised of no location is to come from the default one.
    let elsewhere: i64 = levels.iter().map(|one| one.promised).sum();
    let rest = LocatedPieces {
        location: Location::default_code(),
        on_hand: Placed::Default.on_hand(&stock),
        promised: (stock.level.reserved() + stock.level.held() - elsewhere).max(0),
    };
    let places = std::iter::once(&rest).chain(levels).filter(|one| one.on_hand > 0);
    AvailabilityState {
        variant: shelf.variant,
        product: shelf.product,
        sku,
        availability: stock.availability(),
        sellable: stock.sellable(),
        available: stock.available(),
        on_hand: stock.level.on_hand(),
        safety_stock: stock.terms.safety_stock,
        backorder: stock.terms.backorder,
        locations: places
            .map(|LocatedPieces { location, on_hand, promised }| LocationLevel {
                location: location.clone(),
                on_hand: *on_hand,
                promised: *promised,
            })
            .collect(),
        version: stock.version,
    }
}

/// How an import ended.
pub(crate) fn import_ended(ended: Ended) -> ImportEvent {
    let Ended { import, rows, created, updated, unchanged, failed, ended_early } = ended;
    ImportEvent::Finished(Finished { import, rows, created, updated, unchanged, failed, ended_early })
}

/// The warning that the available stock is at its threshold or below.
pub(crate) fn low(sku: Sku, (product, variant): (ProductId, VariantId), stock: Stock) -> StockEvent {
    let (available, threshold) = (stock.available(), stock.terms.low_threshold);
    StockEvent::Low(Low { sku, product, variant, available, threshold, depleted: stock.is_depleted() })
}

#[cfg(test)]
mod tests {
    use contracts::Channel as _;
    use kernel::{ChannelCode, Clock, Currency, Money, Slug};

    use super::*;
    use crate::domain::locale::Locale;
    use crate::domain::price::NewPrice;
    use crate::domain::product::{
        Details, NewProduct, NewSlug, NewVariant, ProductFault, SettableStatus, VariantDetails,
    };
    use crate::domain::wording::{Description, Title};

    /// With texts of the widest letters in this many languages, and as many variants as there may be.
    fn wide(languages: u8) -> Result<Product, Vec<ProductFault>> {
        let wide = |count: usize| "\u{1f6cb}".repeat(count);
        let (title, description) = (Title::parse(&wide(200)).unwrap(), Description::parse(&wide(10_000)).unwrap());
        let texts = Translation {
            title: Some(title.clone()),
            description: Some(description.clone()),
            ..Translation::default()
        };
        let locale = |letter: u8| Locale::parse(&format!("x{}", char::from(b'a' + letter))).unwrap();
        let variant = |number: usize| NewVariant {
            sku: Sku::parse(&format!("{number:064}")).unwrap(),
            title: Title::parse("V").unwrap(),
            price: Money::from_minor(100, Currency::parse("VND").unwrap()).unwrap(),
            active: true,
            stock: 0,
            low_threshold: 0,
            details: VariantDetails::default(),
        };
        let new = NewProduct {
            slug: NewSlug::Asked(Slug::parse("sofa").unwrap()),
            title,
            description,
            category: None,
            status: SettableStatus::Draft,
            details: Details {
                translations: (0..languages).map(|letter| (locale(letter), texts.clone())).collect(),
                ..Details::default()
            },
            variants: (0..100).map(variant).collect(),
        };
        Product::create(new, Clock::now())
    }

    #[test]
    fn the_largest_product_fits_into_a_record_and_a_larger_one_is_refused() {
        let mut largest = wide(12).unwrap();
        // As many prices as there may be, each in a channel of its own, with the longest names and amounts.
        let variants: Vec<_> = largest.variants().iter().map(|variant| variant.id).collect();
        for (number, variant) in (0..Product::MOST_PRICES).zip(variants.into_iter().cycle()) {
            let price = NewPrice {
                channel: Some(ChannelCode::parse(&format!("{number:032}")).unwrap()),
                amount: Money::from_minor(i64::MAX, Currency::parse("VND").unwrap()).unwrap(),
                from: None,
                until: None,
            };
            let now = largest.updated_at();
            largest.add_price(variant, price, now).unwrap();
        }
        let record = product(&largest, &[]).to_json().unwrap().len();
        assert!((500_000..Product::MOST_BYTES + 250_000).contains(&record), "{record} bytes");
        assert!(matches!(wide(14).unwrap_err()[..], [ProductFault::TooLarge { .. }]));
    }
}
