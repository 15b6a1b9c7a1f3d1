//! The tables as the migrations leave them, for Diesel's query DSL. They have no schema name: `search_path` decides.

diesel::table! {
    budgets (subject) {
        subject -> Text,
        second_at -> Timestamptz,
        minute_at -> Timestamptz,
        blocked_until -> Timestamptz,
        failures -> Int4,
        claim -> Nullable<Uuid>,
        leased_until -> Timestamptz,
        moved_to -> Nullable<Text>,
        obstacle -> Nullable<Text>,
    }
}

diesel::table! {
    deliveries (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        event_id -> Uuid,
        chat -> Text,
        kind -> Text,
        fact -> Jsonb,
        occurred_at -> Timestamptz,
        correlation -> Uuid,
        traceparent -> Nullable<Text>,
        state -> Text,
        message_id -> Nullable<Int8>,
        cause -> Nullable<Text>,
        created_at -> Timestamptz,
        settled_at -> Nullable<Timestamptz>,
        destination -> Nullable<Uuid>,
    }
}

diesel::table! {
    destinations (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        name -> Text,
        language -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        chat -> Nullable<Int8>,
        topic -> Nullable<Int8>,
        rules -> Jsonb,
        code_hash -> Nullable<Binary>,
        code_expires_at -> Nullable<Timestamptz>,
        version -> Int8,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
        manner -> Jsonb,
    }
}

diesel::table! {
    recipients (org_id, destination) {
        org_id -> Uuid,
        destination -> Uuid,
        address -> Text,
        secret -> Nullable<Binary>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(destinations, recipients);

diesel::table! {
    orders (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        number -> Nullable<Int8>,
        status -> Text,
        payment -> Text,
        fulfilment -> Text,
        channel -> Text,
        currency -> Text,
        total_minor -> Int8,
        lines -> Jsonb,
        line_count -> Int4,
        placed_at -> Nullable<Timestamptz>,
        said_at -> Timestamptz,
        version -> Int8,
    }
}

diesel::table! {
    stocks (org_id, variant_id) {
        org_id -> Uuid,
        variant_id -> Uuid,
        removed -> Bool,
        sku -> Text,
        availability -> Text,
        sellable -> Int8,
        available -> Int8,
        on_hand -> Int8,
        version -> Int8,
    }
}

diesel::table! {
    members (org_id, membership) {
        org_id -> Uuid,
        membership -> Uuid,
        user_id -> Uuid,
        permissions -> Text,
        active -> Bool,
        version -> Int8,
    }
}

diesel::table! {
    chat_links (org_id, id) {
        org_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        telegram_user -> Nullable<Int8>,
        code_hash -> Nullable<Binary>,
        code_expires_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        linked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    askers (chat) {
        chat -> Int8,
        asked -> Int4,
        since -> Timestamptz,
    }
}

diesel::table! {
    readings (subject) {
        subject -> Text,
        next_update -> Int8,
        claim -> Nullable<Uuid>,
        leased_until -> Timestamptz,
    }
}

diesel::table! {
    organisations (org_id) {
        org_id -> Uuid,
        slug -> Text,
        name -> Text,
        active -> Bool,
        version -> Int8,
    }
}
