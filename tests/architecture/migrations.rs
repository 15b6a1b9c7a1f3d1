//! Every table of a service belongs to organisations and says so three times: in its keys, in its
//! policy and in its grants. Every migration has a way back.

use std::collections::BTreeSet;

use crate::sources::{Tree, hold};

/// Tables that hold no organisation's data, with the reason.
const WITHOUT_ORGANISATION: &[(&str, &str)] = &[
    ("signing_keys", "keys of the installation"),
    ("chats", "limits of the bot, not of an organisation"),
    ("telegram_budget", "limits of the bot, not of an organisation"),
    ("budgets", "limits of the bot, not of an organisation"),
    ("budget", "limits of the bot, not of an organisation"),
];

fn ups(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.files
        .iter()
        .filter(|(path, _)| path.starts_with("services/") && path.contains("/migrations/") && path.ends_with("/up.sql"))
        .map(|(path, text)| (path.as_str(), text.as_str()))
}

fn statements(text: &str) -> Vec<String> {
    let without: String =
        text.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join("\n").to_lowercase();
    without.split(';').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn tables_without_a_fence(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in ups(tree) {
        let statements = statements(text);
        for statement in &statements {
            let Some(rest) = statement.strip_prefix("create table ") else { continue };
            let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
            let name = rest.split([' ', '(']).next().unwrap_or_default().trim_matches('"');
            let says = |wanted: &str| statements.iter().any(|statement| statement.replace('"', "").contains(wanted));
            if !says(&format!("alter table {name} enable row level security"))
                || !says(&format!("alter table {name} force row level security"))
            {
                found.push(format!("{path}: {name} does not enable and force row level security"));
            }
            if WITHOUT_ORGANISATION.iter().any(|(table, _)| *table == name) {
                continue;
            }
            if !rest.contains("org_id uuid not null") && !rest.contains("org_id uuid primary key") {
                found.push(format!("{path}: {name} has no org_id uuid not null"));
            }
            for key in ["primary key (", "unique (", "foreign key ("] {
                for part in rest.split(key).skip(1) {
                    // The one thing that is unique among organisations is their slug.
                    let slug = name == "organisations" && part.starts_with("slug)");
                    if !part.trim_start().starts_with("org_id") && !slug {
                        found.push(format!("{path}: a {key} of {name} does not begin with org_id"));
                    }
                }
            }
        }
        for statement in statements
            .iter()
            .filter(|statement| statement.starts_with("create index") || statement.starts_with("create unique index"))
        {
            let system = statement.contains("-- system") || statement.contains("_due") || statement.contains("_system");
            let columns = statement.split_once('(').map(|(_, columns)| columns.trim_start()).unwrap_or_default();
            let shared = WITHOUT_ORGANISATION.iter().any(|(table, _)| statement.contains(&format!(" on {table} ")));
            if !columns.starts_with("org_id") && !system && !shared {
                found.push(format!(
                    "{path}: {statement} does not begin with org_id (an index of a sweep is called …_due)"
                ));
            }
        }
    }
    found
}

#[test]
fn every_table_is_fenced_by_organisation() {
    for wrong in [
        "create table t (id uuid primary key); alter table t enable row level security; alter table t force row level security;",
        "create table t (org_id uuid not null, id uuid, primary key (id, org_id)); alter table t enable row level security; alter table t force row level security;",
        "create table t (org_id uuid not null, id uuid, primary key (org_id, id)); alter table t enable row level security;",
        "create index t_name on t (name);",
    ] {
        let fixture = Tree::fixture(&[("services/order/migrations/2026_t/up.sql", wrong)]);
        assert!(!tables_without_a_fence(&fixture).is_empty(), "not noticed: {wrong}");
    }
    hold(tables_without_a_fence, &[("services/order/migrations/2026_t/up.sql", "create table t (id uuid);")]);
}

fn one_way_migrations(tree: &Tree) -> Vec<String> {
    ups(tree)
        .filter(|(path, _)| {
            let down = path.replace("/up.sql", "/down.sql");
            tree.files.get(&down).is_none_or(|text| statements(text).iter().all(String::is_empty))
        })
        .map(|(path, _)| format!("{path} has no way back"))
        .collect()
}

#[test]
fn every_migration_has_a_way_back() {
    let up = ("services/order/migrations/2026_t/up.sql", "create table t (id uuid);");
    let empty = ("services/order/migrations/2026_t/down.sql", "-- nothing");
    assert_eq!(one_way_migrations(&Tree::fixture(&[up, empty])).len(), 1);
    hold(one_way_migrations, &[up]);
}

/// Services whose migrations no test runs back and forth.
fn untried_ways_back(tree: &Tree) -> Vec<String> {
    let services: BTreeSet<&str> = ups(tree).filter_map(|(path, _)| path.split('/').nth(1)).collect();
    services
        .into_iter()
        .filter(|service| {
            let tests = format!("services/{service}/tests/");
            !tree.rust(&[tests.as_str()]).any(|(_, text)| text.contains("persistence::revert("))
        })
        .map(|service| format!("no test of {service} runs its migrations back and forth"))
        .collect()
}

#[test]
fn every_way_back_is_tried() {
    hold(untried_ways_back, &[("services/order/migrations/2026_t/up.sql", "create table t (id uuid);")]);
}

fn schemas_by_name(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in ups(tree) {
        for service in ["auth", "catalog", "category", "\"order\"", "notifier"] {
            if statements(text).iter().any(|statement| {
                [" table ", " on ", " into ", " from ", " references "]
                    .iter()
                    .any(|word| statement.contains(&format!("{word}{service}.")))
            }) {
                found.push(format!("{path} names the schema {service}; search_path decides"));
            }
        }
    }
    found
}

#[test]
fn migrations_name_no_schema() {
    hold(schemas_by_name, &[("services/order/migrations/2026_t/up.sql", "create table catalog.t (id uuid);")]);
}
