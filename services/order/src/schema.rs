//! The tables of the statements that Diesel writes, each with all its columns in `migrations/`; of the orders, what only SQL
//! written by hand names (`reasons`, `placed_from`) is left out, since a table of Diesel has 16 columns at most. `order_lines` and
//! `order_history` are not here: only SQL written by hand names them.

diesel::table! {
    orders (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        status -> Text,
        payment_status -> Text,
        fulfilment_status -> Text,
        total_minor -> BigInt,
        currency -> Text,
        shopper_reference -> Nullable<Text>,
        token_digest -> Binary,
        customer_id -> Nullable<Uuid>,
        cancel_cause -> Nullable<Text>,
        version -> BigInt,
        placed_at -> Timestamptz,
        deadline_at -> Timestamptz,
        settled_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sellable_products (org_id, product_id) {
        org_id -> Uuid,
        product_id -> Uuid,
        version -> BigInt,
        removed -> Bool,
        touched_at -> Timestamptz,
    }
}

diesel::table! {
    sellable (org_id, product_id, variant_id) {
        org_id -> Uuid,
        product_id -> Uuid,
        variant_id -> Uuid,
        sku -> Text,
        title -> Text,
        variant_title -> Text,
        price_minor -> BigInt,
        currency -> Text,
        for_sale -> Bool,
        product_version -> BigInt,
    }
}
