//! The tables of this service. The migrations are the truth; every statement here is hot and is written as SQL text
//! (`persistence::statement`), so there is no Diesel table to keep beside them.

/// Every table with rows of organisations, for tests that check policies and compare copies.
pub const TABLES: [&str; 5] = ["orders", "order_lines", "order_history", "sellable_products", "sellable"];
