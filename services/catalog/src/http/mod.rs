//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod attributes;
mod bulk;
mod imports;
mod locations;
mod prices;
mod problems;
mod product_bodies;
mod products;
mod shop;
mod stock;
mod stock_settings;
mod variant_bodies;
mod variants;
mod views;

use rest::{Api, Routes};

use crate::commands::add_price::AddPrice;
use crate::commands::adjust_levels::AdjustLevels;
use crate::commands::adjust_stock::AdjustStock;
use crate::commands::change_product::ChangeProduct;
use crate::commands::count_stock::CountStock;
use crate::commands::create_product::CreateProduct;
use crate::commands::delete_product::DeleteProduct;
use crate::commands::end_price::EndPrice;
use crate::commands::import_products::ImportProducts;
use crate::commands::manage_attributes::{ChangeAttribute, CreateAttribute};
use crate::commands::manage_locations::{ChangeLocation, CreateLocation};
use crate::commands::manage_views::{ChangeView, CreateView, DeleteView};
use crate::commands::restore_product::RestoreProduct;
use crate::commands::retire_product::RetireProduct;
use crate::commands::set_prices::SetPrices;
use crate::commands::stock_settings::ChangeStockSettings;
use crate::commands::transfer_stock::TransferStock;
use crate::commands::upsert_products::UpsertProducts;
use crate::queries::explain_stock::ExplainStock;
use crate::queries::find_attribute::FindAttribute;
use crate::queries::find_price::FindPrice;
use crate::queries::find_product::FindProduct;
use crate::queries::find_stock::FindStock;
use crate::queries::list_attributes::ListAttributes;
use crate::queries::list_locations::ListLocations;
use crate::queries::list_movements::ListMovements;
use crate::queries::list_prices::ListPrices;
use crate::queries::query_products::{DescribeProducts, DescribeShopProducts, QueryProducts, QueryShopProducts};
use crate::queries::query_variants::{DescribeVariants, QueryVariants};
use crate::queries::shop_product::FindShopProduct;
use crate::queries::stock_places::FindStockPlaces;
use crate::queries::stock_settings::FindStockSettings;
use crate::queries::views::{AskView, FindView, ListViews};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    Api::new("catalog", "Products, variants, prices and stock")
        .problems(&problems::ALL)
        .post("/admin/v1/products", products::create, |op| {
            op.summary("Create a product").sends::<CreateProduct>().problems(&problems::CREATE)
        })
        .get("/admin/v1/products", products::list, |op| {
            op.summary("List products").asks::<QueryProducts>().id("catalog.list-products")
        })
        .post("/admin/v1/products/bulk", bulk::products, |op| {
            op.summary("Create or update many products").sends::<UpsertProducts>().problems(&problems::BULK)
        })
        .post("/admin/v1/products/query", products::query, |op| op.summary("Query products").asks::<QueryProducts>())
        .get("/admin/v1/products/fields", products::fields, |op| {
            op.summary("List what can be asked of products").asks::<DescribeProducts>()
        })
        .get("/admin/v1/products/{product}", products::find, |op| op.summary("Read a product").asks::<FindProduct>())
        .patch("/admin/v1/products/{product}", products::change, |op| {
            op.summary("Change a product").sends::<ChangeProduct>().problems(&problems::CHANGE)
        })
        .delete("/admin/v1/products/{product}", products::delete, |op| {
            op.summary("Delete a draft that was never for sale").sends::<DeleteProduct>().problems(&problems::DELETE)
        })
        .post("/admin/v1/products/{product}/retire", products::retire, |op| {
            op.summary("Take a product off sale").sends::<RetireProduct>()
        })
        .post("/admin/v1/products/{product}/restore", products::restore, |op| {
            op.summary("Make a retired product a draft again").sends::<RestoreProduct>()
        })
        .post("/admin/v1/attributes", attributes::create, |op| {
            op.summary("Create an attribute of products")
                .sends::<CreateAttribute>()
                .problems(&problems::CREATE_ATTRIBUTE)
        })
        .get("/admin/v1/attributes", attributes::list, |op| {
            op.summary("List the attributes of products").asks::<ListAttributes>()
        })
        .get("/admin/v1/attributes/{code}", attributes::find, |op| {
            op.summary("Read an attribute of products").asks::<FindAttribute>()
        })
        .patch("/admin/v1/attributes/{code}", attributes::change, |op| {
            op.summary("Change the labels of an attribute, or add choices").sends::<ChangeAttribute>()
        })
        .post("/admin/v1/views", views::create, |op| {
            op.summary("Save a query as a view").sends::<CreateView>().problems(&problems::CREATE_VIEW)
        })
        .get("/admin/v1/views", views::list, |op| op.summary("List the views").asks::<ListViews>())
        .get("/admin/v1/views/{view}", views::find, |op| op.summary("Read a view").asks::<FindView>())
        .patch("/admin/v1/views/{view}", views::change, |op| {
            op.summary("Change a view").sends::<ChangeView>().problems(&problems::CHANGE_VIEW)
        })
        .delete("/admin/v1/views/{view}", views::delete, |op| op.summary("Delete a view").sends::<DeleteView>())
        .get("/admin/v1/views/{view}/items", views::items, |op| {
            op.summary("List what a view finds").asks::<AskView>().problems(&problems::ASK_VIEW)
        })
        .post("/admin/v1/imports", imports::import, |op| {
            op.summary("Import products from a file").description(imports::FORMAT).sends::<ImportProducts>()
        })
        .get("/admin/v1/variants", variants::list, |op| {
            op.summary("List variants and their stock").asks::<QueryVariants>().id("catalog.list-variants")
        })
        .post("/admin/v1/variants/query", variants::query, |op| {
            op.summary("Query variants and their stock").asks::<QueryVariants>()
        })
        .get("/admin/v1/variants/fields", variants::fields, |op| {
            op.summary("List what can be asked of variants").asks::<DescribeVariants>()
        })
        .post("/admin/v1/stock/bulk", bulk::stock, |op| {
            op.summary("Set or adjust many stock levels").sends::<AdjustLevels>().problems(&problems::BULK)
        })
        .post("/admin/v1/prices/bulk", bulk::prices, |op| {
            op.summary("Set many prices").sends::<SetPrices>().problems(&problems::BULK)
        })
        .get("/admin/v1/variants/{variant}/prices", prices::list, |op| {
            op.summary("List the prices of a variant and its price history").asks::<ListPrices>()
        })
        .post("/admin/v1/variants/{variant}/prices", prices::add, |op| {
            op.summary("Give a variant a price for a while").sends::<AddPrice>().problems(&problems::ADD_PRICE)
        })
        .post("/admin/v1/variants/{variant}/prices/{price}/end", prices::end, |op| {
            op.summary("End a price of a variant now").sends::<EndPrice>()
        })
        .get("/admin/v1/variants/{variant}/price", prices::find, |op| {
            op.summary("Read what a variant costs in a channel at a time").asks::<FindPrice>()
        })
        .post("/admin/v1/locations", locations::create, |op| {
            op.summary("Create a location").sends::<CreateLocation>().problems(&problems::CREATE_LOCATION)
        })
        .get("/admin/v1/locations", locations::list, |op| op.summary("List the locations").asks::<ListLocations>())
        .patch("/admin/v1/locations/{location}", locations::change, |op| {
            op.summary("Change a location").sends::<ChangeLocation>().problems(&problems::CHANGE_LOCATION)
        })
        .get("/admin/v1/stock-settings", stock_settings::find, |op| {
            op.summary("Read how orders are served from stock").asks::<FindStockSettings>()
        })
        .patch("/admin/v1/stock-settings", stock_settings::change, |op| {
            op.summary("Change how orders are served from stock").sends::<ChangeStockSettings>()
        })
        .get("/admin/v1/stock/{sku}", stock::find, |op| op.summary("Read the stock of a SKU").asks::<FindStock>())
        .post("/admin/v1/stock/{sku}/adjust", stock::adjust, |op| {
            op.summary("Adjust the stock of a SKU").sends::<AdjustStock>().problems(&problems::ADJUST)
        })
        .post("/admin/v1/stock/{sku}/count", stock::count, |op| {
            op.summary("Count the stock of a SKU").sends::<CountStock>().problems(&problems::ADJUST)
        })
        .post("/admin/v1/stock/{sku}/transfer", stock::transfer, |op| {
            op.summary("Move pieces of a SKU to another location").sends::<TransferStock>().problems(&problems::ADJUST)
        })
        .get("/admin/v1/stock/{sku}/places", stock::places, |op| {
            op.summary("Read where the pieces of a SKU are").asks::<FindStockPlaces>()
        })
        .get("/admin/v1/stock/{sku}/explain", stock::explain, |op| {
            op.summary("Explain what is available of a SKU").asks::<ExplainStock>()
        })
        .get("/admin/v1/stock/{sku}/movements", stock::movements, |op| {
            op.summary("List what changed the stock of a SKU").asks::<ListMovements>()
        })
        .get("/store/v1/{organisation}/products", shop::list, |op| {
            op.summary("List the products of a shop").asks::<QueryShopProducts>().id("catalog.list-shop-products")
        })
        .get("/store/v1/{organisation}/products/fields", shop::fields, |op| {
            op.summary("List what can be asked of a shop's products").asks::<DescribeShopProducts>()
        })
        .get("/store/v1/{organisation}/products/{product}", shop::find, |op| {
            op.summary("Read a product in its shop").asks::<FindShopProduct>()
        })
        .finish()
}
