//! The tables as Diesel sees them. The rule: the same columns as in `migrations/`, nothing more. Of products, variants and
//! prices, of which some is written and read by statements in SQL only, those columns stand here that a query in Diesel's words
//! names.

diesel::table! {
    categories (org_id, category_id) {
        org_id -> Uuid,
        category_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        slug -> Text,
        path -> Array<Uuid>,
        removed -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    products (org_id, product_id) {
        org_id -> Uuid,
        product_id -> Uuid,
        slug -> Text,
        title -> Text,
        description -> Text,
        category_id -> Nullable<Uuid>,
        status -> Text,
        price_from_minor -> BigInt,
        currency -> Text,
        variant_count -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    variants (org_id, variant_id) {
        org_id -> Uuid,
        variant_id -> Uuid,
        product_id -> Uuid,
        position -> Integer,
        sku -> Text,
        title -> Text,
        price_minor -> BigInt,
        currency -> Text,
        active -> Bool,
        barcode -> Nullable<Text>,
    }
}

diesel::table! {
    prices (org_id, price_id) {
        org_id -> Uuid,
        price_id -> Uuid,
        product_id -> Uuid,
        variant_id -> Uuid,
        kind -> Text,
        channel -> Nullable<Text>,
        amount_minor -> BigInt,
        currency -> Text,
        former -> Nullable<Jsonb>,
        valid_from -> Timestamptz,
        valid_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        created_by -> Text,
        ended_at -> Nullable<Timestamptz>,
        ended_by -> Nullable<Text>,
        open -> Bool,
    }
}

diesel::table! {
    attribute_definitions (org_id, code) {
        org_id -> Uuid,
        code -> Text,
        #[sql_name = "type"]
        kind -> Text,
        unit -> Nullable<Text>,
        choices -> Array<Text>,
        labels -> Jsonb,
        position -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    saved_views (org_id, view_id) {
        org_id -> Uuid,
        view_id -> Uuid,
        place -> Integer,
        entity -> Text,
        name -> Text,
        query -> Jsonb,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    stock (org_id, variant_id) {
        org_id -> Uuid,
        variant_id -> Uuid,
        sku -> Text,
        on_hand -> BigInt,
        reserved -> BigInt,
        held -> BigInt,
        low_threshold -> BigInt,
        located -> BigInt,
        safety_stock -> BigInt,
        backorder_limit -> Nullable<BigInt>,
        promised_on -> Nullable<Date>,
        may_be_short -> Bool,
        version -> BigInt,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    locations (org_id, code) {
        org_id -> Uuid,
        code -> Text,
        name -> Text,
        priority -> Integer,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    location_levels (org_id, sku, location) {
        org_id -> Uuid,
        sku -> Text,
        location -> Text,
        on_hand -> BigInt,
    }
}

diesel::table! {
    stock_settings (org_id) {
        org_id -> Uuid,
        serving_rule -> Text,
        version -> BigInt,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    movements (org_id, sku, movement_id) {
        org_id -> Uuid,
        sku -> Text,
        movement_id -> BigInt,
        variant_id -> Uuid,
        kind -> Text,
        on_hand_delta -> BigInt,
        reserved_delta -> BigInt,
        held_delta -> BigInt,
        order_id -> Nullable<Uuid>,
        location -> Nullable<Text>,
        reason -> Text,
        actor -> Text,
        occurred_at -> Timestamptz,
    }
}

diesel::table! {
    reservations (org_id, order_id) {
        org_id -> Uuid,
        order_id -> Uuid,
        state -> Text,
        lines -> Jsonb,
        expires_at -> Nullable<Timestamptz>,
        confirm_refused -> Bool,
        addition -> BigInt,
        version -> BigInt,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(products, variants, stock);
