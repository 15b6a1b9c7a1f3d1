//! The kind of item that the tests ask for: every kind of field, and rows of two organisations with the same values.

use std::fmt::Write as _;
use std::sync::LazyLock;

use kernel::{Kind as _, OrganisationId, ProductId, kinds};
use persistence::Tenant;
use query::{Answer, Entity, Error, Field, Kind, Registry, Request};
use serde_json::{Value, json};
use testkit::Scene;

pub(crate) const KINDS: [&str; 3] = ["round", "square", "flat"];
const PARTS: &str = "searchable_parts p where p.thing_id = r.thing_id";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Things;

impl Entity for Things {
    const NAME: &'static str = "Thing";

    fn registry() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            let fields = vec![
                Field::id::<kinds::Product>("id", "r.thing_id", "Its identity.").sorted().by_default(),
                Field::one("title", Kind::Text, "r.title", "Its title.").sorted().searched().by_default(),
                Field::one("note", Kind::Text, "r.note", "A note.").nullable().sorted().counted().by_default(),
                Field::one("kind", Kind::choice(&KINDS), "r.kind", "What it is like.").sorted().counted().by_default(),
                Field::one("size", Kind::Integer, "r.size", "How large it is.")
                    .nullable()
                    .sorted()
                    .counted()
                    .by_default(),
                Field::price("price", "r.price_minor", "r.currency", "What it costs.").sorted().counted().by_default(),
                Field::one("active", Kind::Boolean, "r.active", "Whether it is on.").sorted().counted().by_default(),
                Field::one("seen_at", Kind::Time, "r.seen_at", "When it was seen.").nullable().sorted().by_default(),
                Field::array("tags", Kind::Text, "r.tags", "Its tags.").counted().by_default(),
                Field::related("code", Kind::Text, PARTS, "p.code", "The codes of its parts.").by_default(),
                Field::related("weight", Kind::Integer, PARTS, "p.weight", "The weights of its parts."),
            ];
            let member = |name: &str, kind, many| {
                Field::member(format!("extras.{name}"), kind, "r.extras", name.to_owned(), many, format!("Its {name}."))
            };
            Registry::new("things", "searchable_things", "r.thing_id", "title", fields)
                .searchable("r.search_text")
                .with(vec![
                    member("colour", Kind::Text, false),
                    member("volume", Kind::Number, false),
                    member("since", Kind::Date, false),
                    member("labels", Kind::Text, true),
                    member("washable", Kind::Boolean, false),
                ])
        });
        &REGISTRY
    }
}

/// A thing with its parts, as a test knows it.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) id: ProductId,
    pub(crate) title: String,
    pub(crate) note: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) size: Option<i64>,
    pub(crate) price: (i64, &'static str),
    pub(crate) active: bool,
    /// Minutes after the beginning of 2026.
    pub(crate) seen: Option<u32>,
    pub(crate) tags: Vec<String>,
    pub(crate) parts: Vec<(String, i64)>,
    pub(crate) extras: Value,
}

pub(crate) struct World {
    pub(crate) scene: Scene,
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn optional(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

pub(crate) fn time_of(minutes: u32) -> String {
    format!("2026-01-01T{:02}:{:02}:00Z", minutes / 60, minutes % 60)
}

impl World {
    pub(crate) async fn new() -> Self {
        Self { scene: Scene::new("catalog", super::MIGRATIONS).await }
    }

    /// Stores the things, for the organisation itself and, with other ids, for another one.
    pub(crate) async fn store(&self, things: &[Thing]) {
        let mut sql = String::new();
        for organisation in [self.scene.organisation(), self.scene.other_organisation()] {
            for thing in things {
                let own = organisation == self.scene.organisation();
                let id = if own { thing.id } else { ProductId::new() };
                write!(sql, "{}", insert(organisation, id, thing)).unwrap();
            }
        }
        self.scene
            .superuser()
            .await
            .batch_execute(&format!("set search_path = catalog; {sql} analyze things; analyze parts;"))
            .await
            .unwrap();
    }

    pub(crate) async fn ask(&self, request: Value) -> Result<Answer<Things>, Error> {
        let request: Request<Things> = serde_json::from_value(request).unwrap();
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request<Things>) -> Result<Answer<Things>, Error> {
        let read = self.scene.database().begin_read(Tenant::new(self.scene.organisation())).await?;
        read.run(|mut read| Box::pin(async move { request.answer(&mut read, Things::registry()).await })).await
    }
}

pub(crate) fn ids(answer: &Answer<Things>) -> Vec<String> {
    answer.items.iter().map(|item| item.field("id").unwrap().as_str().unwrap().to_owned()).collect()
}

fn insert(organisation: OrganisationId, id: ProductId, thing: &Thing) -> String {
    assert_eq!(kinds::Product::PREFIX, "prod");
    let tags: Vec<String> = thing.tags.iter().map(|tag| text(tag)).collect();
    let mut sql = format!(
        "insert into things values ('{}', '{}', {}, {}, '{}', {}, {}, '{}', {}, {}, array[{}]::text[], {}::jsonb,
             search_text({}));",
        organisation.uuid(),
        id.uuid(),
        text(&thing.title),
        optional(thing.note.as_deref().map(text)),
        thing.kind,
        optional(thing.size.map(|size| size.to_string())),
        thing.price.0,
        thing.price.1,
        thing.active,
        optional(thing.seen.map(|minutes| format!("'{}'", time_of(minutes)))),
        tags.join(", "),
        text(&thing.extras.to_string()),
        text(&thing.title),
    );
    for (code, weight) in &thing.parts {
        write!(
            sql,
            "insert into parts (org_id, thing_id, code, weight) values ('{}', '{}', {}, {weight});",
            organisation.uuid(),
            id.uuid(),
            text(code)
        )
        .unwrap();
    }
    sql
}

/// A thing with a title and nothing special.
pub(crate) fn titled(title: &str) -> Thing {
    Thing {
        id: ProductId::new(),
        title: title.to_owned(),
        note: None,
        kind: "round",
        size: None,
        price: (100, "USD"),
        active: true,
        seen: None,
        tags: Vec::new(),
        parts: Vec::new(),
        extras: json!({}),
    }
}
