//! The tables of the statements that Diesel writes, each with all its columns in `migrations/`; of the orders, what only SQL
//! written by hand names (`channel`, `held`, the sums of the payments) is left out, since a table of Diesel has 16 columns at most,
//! and of the history all but the cause. `order_lines` is not here: only SQL written by hand names it.

diesel::table! {
    orders (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        number -> Nullable<BigInt>,
        status -> Text,
        payment_status -> Text,
        fulfilment_status -> Text,
        total_minor -> BigInt,
        currency -> Text,
        shopper_reference -> Nullable<Text>,
        token_digest -> Binary,
        customer_id -> Nullable<Uuid>,
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
        cost_minor -> Nullable<BigInt>,
        currency -> Text,
        for_sale -> Bool,
        product_version -> BigInt,
        channels -> Nullable<Array<Text>>,
        other_prices -> Nullable<Jsonb>,
    }
}

diesel::table! {
    order_history (org_id, order_id, version) {
        org_id -> Uuid,
        order_id -> Uuid,
        version -> BigInt,
        to_status -> Text,
        cause -> Text,
    }
}

diesel::table! {
    order_parcels (org_id, order_id, id) {
        org_id -> Uuid,
        order_id -> Uuid,
        id -> Uuid,
        carrier -> Nullable<Text>,
        tracking_number -> Nullable<Text>,
        lines -> Jsonb,
        shipped_at -> Timestamptz,
        delivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    order_returns (org_id, order_id, id) {
        org_id -> Uuid,
        order_id -> Uuid,
        id -> Uuid,
        status -> Text,
        reason -> Nullable<Text>,
        lines -> Jsonb,
        restocked -> Jsonb,
        written_off -> Jsonb,
        requested_at -> Timestamptz,
        settled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    order_payments (org_id, order_id, id) {
        org_id -> Uuid,
        order_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        provider -> Text,
        method -> Text,
        reference -> Nullable<Text>,
        amount_minor -> BigInt,
        actor -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    order_refunds (org_id, order_id, id) {
        org_id -> Uuid,
        order_id -> Uuid,
        id -> Uuid,
        payment_id -> Uuid,
        method -> Text,
        reference -> Nullable<Text>,
        amount_minor -> BigInt,
        actor -> Text,
        recorded_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(orders, order_history);
