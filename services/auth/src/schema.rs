//! The tables of this service as Diesel sees them; the migrations define them. Of the outbox, which the kit owns, it has
//! the columns that tell whether a key was announced.

diesel::table! {
    organisations (org_id) {
        org_id -> Uuid,
        slug -> Text,
        name -> Text,
        currency -> Text,
        country -> Nullable<Text>,
        time_zone -> Text,
        guests -> Bool,
        active -> Bool,
        version -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    people (user_id) {
        user_id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        active -> Bool,
        created_at -> Timestamptz,
        password_changed_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    memberships (org_id, membership_id) {
        org_id -> Uuid,
        membership_id -> Uuid,
        user_id -> Uuid,
        roles -> Array<Text>,
        active -> Bool,
        version -> BigInt,
        joined_at -> Timestamptz,
    }
}

diesel::table! {
    roles (org_id, name) {
        org_id -> Uuid,
        name -> Text,
        permissions -> Array<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    invitations (org_id, invitation_id) {
        org_id -> Uuid,
        invitation_id -> Uuid,
        email -> Text,
        roles -> Array<Text>,
        token_hash -> Bytea,
        invited_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

diesel::table! {
    api_keys (org_id, key_id) {
        org_id -> Uuid,
        key_id -> Uuid,
        name -> Text,
        hash -> Bytea,
        permissions -> Array<Text>,
        networks -> Array<Text>,
        created_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        withdrawn -> Bool,
        version -> BigInt,
    }
}

diesel::table! {
    sessions (session_id) {
        session_id -> Uuid,
        user_id -> Nullable<Uuid>,
        customer_id -> Nullable<Uuid>,
        org_id -> Nullable<Uuid>,
        refresh_hash -> Bytea,
        generation -> Integer,
        rotated_at -> Timestamptz,
        device -> Text,
        address -> Text,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    operators (user_id) {
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    setup_tokens (only_one) {
        only_one -> Bool,
        token_hash -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    customers (org_id, customer_id) {
        org_id -> Uuid,
        customer_id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        active -> Bool,
        created_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    password_resets (account_id) {
        account_id -> Uuid,
        token_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    login_attempts (subject) {
        subject -> Bytea,
        failures -> Integer,
        tried -> BigInt,
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
        announced_at -> Nullable<Timestamptz>,
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

diesel::joinable!(customers -> organisations (org_id));
diesel::joinable!(api_keys -> organisations (org_id));
diesel::allow_tables_to_appear_in_same_query!(organisations, people, memberships, customers, api_keys);
