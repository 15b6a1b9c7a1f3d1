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
    }
}
