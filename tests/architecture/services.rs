//! The lists that name services one by one. Most of what knows the services is made from `devstack::services::SERVICES` or
//! from the folders below `services/`; these lists are written by hand, and this test says which of them lacks a service.

use devstack::services::{Need, SERVICES};

use crate::sources::{Tree, hold};

/// The services that a list has to name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// Those with migrations.
    WithSchema,
    /// Those with a route table.
    WithRoutes,
}

/// File, the entry that a service needs there, the services that need it, and whether the text has it for this service.
type List = (&'static str, &'static str, Which, fn(&str, &str) -> bool);

const LISTS: &[List] = &[
    ("crates/devstack/src/services/table.rs", "a row in SERVICES", Which::All, |text, name| {
        text.contains(&format!("Service {{ name: \"{name}\","))
    }),
    ("docker-compose.yml", "a container", Which::All, |text, name| {
        text.contains(&format!("\n  {name}:\n")) && text.contains(&format!("SERVICE: {name} }}"))
    }),
    ("docker-compose.yml", "a container that migrates", Which::WithSchema, |text, name| {
        text.contains(&format!("\n  {name}-migrate:\n"))
    }),
    ("docker-compose.yml", "a line of the gateway's depends_on", Which::WithRoutes, |text, name| {
        let gateway = text.split_once("\n  gateway:\n").map(|(_, rest)| rest).unwrap_or_default();
        gateway.contains(&format!("\n      {name}: {{ condition: service_healthy }}"))
    }),
    ("services/gateway/src/routes.rs", "a variant of Service", Which::WithRoutes, |text, name| {
        text.contains(&format!("\n    {},\n", variant(name)))
    }),
    ("services/gateway/src/routes.rs", "an element of Service::ALL", Which::WithRoutes, |text, name| {
        let all = text.split_once(" ALL: ").and_then(|(_, rest)| rest.split_once("];")).map(|(all, _)| all);
        all.is_some_and(|all| all.contains(&format!("::{}", variant(name))))
    }),
    ("services/gateway/src/config.rs", "a list of addresses", Which::WithRoutes, |text, name| {
        text.contains(&format!("\"{}_URLS\"", name.to_uppercase().replace('-', "_")))
    }),
    ("README.md", "a place in the picture", Which::All, pictured),
    ("ARCHITECTURE.md", "a place in the picture", Which::All, pictured),
];

/// `gift-card` as `GiftCard`.
fn variant(name: &str) -> String {
    let capital = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    name.split('-').map(capital).collect()
}

fn pictured(text: &str, name: &str) -> bool {
    text.lines().filter(|line| line.contains('│')).any(|line| line.split(['│', ' ']).any(|word| word == name))
}

fn services_missing_in_lists(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for name in tree.services() {
        let schema = tree.files.keys().any(|path| path.starts_with(&format!("services/{name}/migrations/")));
        let routes = tree.files.contains_key(&format!("services/{name}/src/http/mod.rs"));
        for (file, entry, which, has) in LISTS {
            let concerned = match which {
                Which::All => true,
                Which::WithSchema => schema,
                Which::WithRoutes => routes,
            };
            let text = tree.files.get(*file).map(String::as_str).unwrap_or_default();
            if concerned && !has(text, name) {
                found.push(format!("{file} lacks {entry} for {name}"));
            }
        }
    }
    found
}

#[test]
fn every_list_of_services_names_each_of_them() {
    let service = ("services/gift-card/src/http/mod.rs", "//! x");
    let migration = ("services/gift-card/migrations/2026_t/up.sql", "");
    assert_eq!(services_missing_in_lists(&Tree::fixture(&[service, migration])).len(), LISTS.len());
    hold(services_missing_in_lists, &[("services/notifier/src/lib.rs", "//! x")]);
}

/// What the table says of a service, beside what its folder says.
fn rows_told_wrong(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for service in SERVICES {
        let name = service.name;
        let mut differs = |row: bool, folder: bool, what: &str| {
            if row != folder {
                let (row, folder) = if row { ("says so", "lacks") } else { ("does not say so", "has") };
                found.push(format!("services/{name} {folder} {what}, and its row in devstack's SERVICES {row}"));
            }
        };
        let has = |part: &str| tree.files.keys().any(|path| path.starts_with(&format!("services/{name}/{part}")));
        differs(true, has("Cargo.toml"), "a manifest");
        differs(service.needs(Need::Schema), has("migrations/"), "migrations");
        differs(service.port.is_some() && name != "gateway", has("src/http/mod.rs"), "a route table");
        let readme = tree.files.get(&format!("services/{name}/README.md")).map(String::as_str).unwrap_or_default();
        if let Some(port) = service.port.filter(|port| !readme.contains(&format!("127.0.0.1:{port}"))) {
            found.push(format!("services/{name}/README.md does not give {port} as the default of HTTP_ADDRESS"));
        }
    }
    found
}

#[test]
fn the_table_of_services_says_what_their_folders_say() {
    hold(rows_told_wrong, &[("services/order/Cargo.toml", "[package]")]);
}
