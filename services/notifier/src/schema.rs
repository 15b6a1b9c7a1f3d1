//! The table that is asked through Diesel, as the migrations leave it; the others are asked in SQL. No schema name:
//! `search_path` decides.

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
    }
}
