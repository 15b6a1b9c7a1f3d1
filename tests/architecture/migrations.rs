//! Every table of a service belongs to organisations and says so three times: in its keys, in its
//! policy and in its grants. Every migration has a way back.

use std::collections::BTreeSet;

use devstack::services::schemas;

use crate::sources::{Tree, hold};

/// Tables that hold no organisation's data, with the reason.
const WITHOUT_ORGANISATION: &[(&str, &str)] = &[
    ("signing_keys", "keys of the installation"),
    ("people", "a person may work for several organisations"),
    ("operators", "run the installation"),
    ("setup_tokens", "of the installation, before it has an operator"),
    ("sessions", "of a person, who turns them from one organisation to another, or of a customer"),
    ("password_resets", "of a person"),
    ("login_attempts", "of whoever tries, before any organisation is known"),
    ("budgets", "limits of the bot, not of an organisation"),
    ("readings", "how far the bot has read what it was sent"),
    ("askers", "of chats, before any organisation is known"),
];

/// Tables of the messages, which rights fence and no policy, with the reason.
const FENCED_BY_RIGHTS: &[(&str, &str)] = &[
    ("outbox", "commands may insert and nothing else; the relay sends everybody's"),
    ("outbox_parked", "the relay's alone"),
    ("inbox", "holds ids of events and no content"),
    ("parked_keys", "holds keys of topics and no content"),
    ("cursor_keys", "holds the key that seals cursors and no content"),
];

fn ups(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.files
        .iter()
        .filter(|(path, _)| path.starts_with("services/") || path.starts_with("crates/persistence/"))
        .filter(|(path, _)| path.contains("/migrations/") && path.ends_with("/up.sql") && !path.contains("/tests/"))
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
            if FENCED_BY_RIGHTS.iter().any(|(table, _)| *table == name) {
                continue;
            }
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
            // What a BRIN index finds is pages by age, for the clearing away.
            let system = ["_due", "_system", " using brin "].iter().any(|word| statement.contains(word));
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
        for place in ["services/order/migrations/2026_t/up.sql", "crates/persistence/migrations/2026_t/up.sql"] {
            assert!(!tables_without_a_fence(&Tree::fixture(&[(place, wrong)])).is_empty(), "not noticed: {wrong}");
        }
    }
    let tree = Tree::real();
    let all: Vec<String> = ups(&tree).flat_map(|(_, text)| statements(text)).collect();
    for (table, _) in WITHOUT_ORGANISATION.iter().chain(FENCED_BY_RIGHTS) {
        let made = format!("create table {table} (");
        assert!(all.iter().any(|statement| statement.starts_with(&made)), "there is no table {table}; strike it out");
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

/// A version of a service that the messages' migrations have as well: in that schema one of the two never runs.
fn versions_used_twice(tree: &Tree) -> Vec<String> {
    let version = |path: &str| -> String {
        let folder = path.split("migrations/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        folder.split('_').next().unwrap_or_default().replace('-', "")
    };
    let shared: BTreeSet<String> =
        ups(tree).filter(|(path, _)| path.starts_with("crates/persistence/")).map(|(path, _)| version(path)).collect();
    ups(tree)
        .filter(|(path, _)| path.starts_with("services/") && shared.contains(&version(path)))
        .map(|(path, _)| format!("{path} has the version of a migration in crates/persistence"))
        .collect()
}

#[test]
fn no_service_uses_a_version_of_the_messages_migrations() {
    let own = ("services/order/migrations/2026-01-02-000001_t/up.sql", "create table t (id uuid);");
    let shared = ("crates/persistence/migrations/2026-01-02-000001_m/up.sql", "create table m (id uuid);");
    let other = ("crates/persistence/migrations/2026-01-02-000002_m/up.sql", "create table m (id uuid);");
    assert!(versions_used_twice(&Tree::fixture(&[own, other])).is_empty());
    hold(versions_used_twice, &[own, shared]);
}

/// Services and kits whose migrations no test runs back and forth.
fn untried_ways_back(tree: &Tree) -> Vec<String> {
    let owners: BTreeSet<&str> = ups(tree).filter_map(|(path, _)| path.split("migrations/").next()).collect();
    owners
        .into_iter()
        .filter(|owner| {
            let tests = format!("{owner}tests/");
            let tries = |text: &str| text.contains("persistence::revert(") || text.contains("assert_every_way_back(");
            !tree.rust(&[tests.as_str()]).any(|(_, text)| tries(text))
        })
        .map(|owner| format!("no test of {owner} runs its migrations back and forth"))
        .collect()
}

#[test]
fn every_way_back_is_tried() {
    hold(untried_ways_back, &[("services/order/migrations/2026_t/up.sql", "create table t (id uuid);")]);
}

/// Steps that take from old replicas what they still use: allowed in a release of their own, which the comment names.
fn unannounced_contractions(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in ups(tree) {
        let (mut announced, mut statement) = (false, String::new());
        for line in text.lines().map(|line| line.trim().to_lowercase()) {
            announced |= line.starts_with("-- contract:");
            let sql = line.split("--").next().unwrap_or_default().trim();
            statement = format!("{statement} {sql}").trim().to_owned();
            if !sql.ends_with(';') {
                continue;
            }
            let retyped = statement.split_once(" alter column ").is_some_and(|(_, rest)| rest.contains(" type "));
            let takes = statement.contains(" drop column ") || statement.contains(" rename ") || retyped;
            if statement.starts_with("alter ") && takes && !announced {
                found.push(format!("{path}: no `-- contract:` before {statement}"));
            }
            (announced, statement) = (false, String::new());
        }
    }
    found
}

#[test]
fn a_migration_that_takes_something_away_says_so() {
    let place = "services/order/migrations/2026_t/up.sql";
    for (text, places) in [
        ("alter table t\n    rename a to b;", 1),
        ("alter table t alter column a\n    set data type bigint;", 1),
        ("-- contract: 1.4 reads b.\nalter table t drop column a;\nalter table t drop column c;", 1),
        ("alter table t add column a text;\ncomment on table t is 'We rename nothing.';", 0),
    ] {
        assert_eq!(unannounced_contractions(&Tree::fixture(&[(place, text)])).len(), places, "{text}");
    }
    hold(unannounced_contractions, &[(place, "alter table t drop column a;")]);
}

fn schemas_by_name(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in ups(tree) {
        for service in schemas() {
            if statements(text).iter().any(|statement| {
                [" table ", " on ", " into ", " from ", " references "]
                    .iter()
                    .any(|word| statement.replace('"', "").contains(&format!("{word}{service}.")))
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
