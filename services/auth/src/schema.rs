//! The tables of this service as Diesel sees them; the migrations define them. Of the outbox, which the kit owns, it has
//! the columns that tell whether a key was announced.

diesel::table! {
    organisations (org_id) {
        org_id -> Uuid,
        slug -> Text,
        name -> Text,
        currency -> Text,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    users (org_id, user_id) {
        org_id -> Uuid,
        user_id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        roles -> Array<Text>,
        active -> Bool,
        created_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    login_attempts (org_id, account) {
        org_id -> Uuid,
        account -> Bytea,
        failures -> Integer,
        locked_until -> Timestamptz,
        tried_at -> Timestamptz,
    }
}

diesel::table! {
    signing_keys (key_id) {
        key_id -> Uuid,
        public_key -> Bytea,
        sealed_private_key -> Bytea,
        version -> BigInt,
        created_at -> Timestamptz,
        signs_from -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    outbox (sequence) {
        sequence -> BigInt,
        aggregatetype -> Text,
        aggregateid -> Text,
        aggregateversion -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(organisations, users);
