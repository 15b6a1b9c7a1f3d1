//! The tables of this service as Diesel sees them; the migrations define them.

diesel::table! {
    trees (org_id) {
        org_id -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    categories (org_id, category_id) {
        org_id -> Uuid,
        category_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        name -> Text,
        slug -> Text,
        path -> Array<Uuid>,
        position -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        icon -> Nullable<Text>,
        image -> Nullable<Text>,
        external_references -> Jsonb,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    former_slugs (org_id, parent_id, slug) {
        org_id -> Uuid,
        parent_id -> Nullable<Uuid>,
        slug -> Text,
        category_id -> Uuid,
    }
}

diesel::table! {
    product_placements (org_id, product_id) {
        org_id -> Uuid,
        product_id -> Uuid,
        categories -> Array<Uuid>,
        active -> Bool,
        version -> BigInt,
        touched_at -> Timestamptz,
    }
}

diesel::table! {
    product_counts (org_id, categories) {
        org_id -> Uuid,
        categories -> Array<Uuid>,
        products -> BigInt,
        active -> BigInt,
    }
}
