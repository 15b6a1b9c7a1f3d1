//! How an enum without content stands in a schema: one list of its values.
//! The rule: no `oneOf` whose alternatives are texts. Generators of clients read that as a union of types, whose
//! members they cannot tell apart; the variants' own descriptions go into the enum's.

use schemars::Schema;
use schemars::transform::transform_subschemas;
use serde_json::{Map, Value};

/// Turns every `oneOf` of texts in this schema and below it into `enum`. A schemars transform.
pub fn list_choices(schema: &mut Schema) {
    if let Some(members) = schema.as_object_mut()
        && let Some((values, described)) = choices(members)
    {
        members.remove("oneOf");
        let beginning = members.get("description").and_then(Value::as_str);
        let description = beginning.into_iter().map(str::to_owned).chain(described).collect::<Vec<_>>().join("\n\n");
        members.insert("type".to_owned(), "string".into());
        members.insert("enum".to_owned(), values.into());
        if !description.is_empty() {
            members.insert("description".to_owned(), description.into());
        }
    }
    transform_subschemas(&mut list_choices, schema);
}

/// The values in order, and what they mean as a list in Markdown; `None` when some alternative is more than a text.
fn choices(members: &Map<String, Value>) -> Option<(Vec<Value>, Option<String>)> {
    let (mut values, mut meanings) = (Vec::new(), Vec::new());
    for alternative in members.get("oneOf")?.as_array()? {
        let listed = alternative.get("enum").and_then(Value::as_array);
        let named = match (alternative.get("const"), listed) {
            (Some(one), None) => std::slice::from_ref(one),
            (None, Some(many)) => many.as_slice(),
            _ => return None,
        };
        let meaning = alternative.get("description").and_then(Value::as_str).unwrap_or_default();
        for value in named {
            let value = value.as_str()?;
            if !meaning.is_empty() {
                meanings.push(format!("- `{value}`: {}", meaning.replace('\n', " ")));
            }
            values.push(Value::from(value));
        }
    }
    Some((values, (!meanings.is_empty()).then(|| meanings.join("\n"))))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    /// Where it stands.
    #[derive(JsonSchema)]
    #[schemars(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum State {
        /// Not sold
        /// yet.
        Draft,
        OnSale,
        Retired,
    }

    #[derive(JsonSchema)]
    #[schemars(tag = "kind")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Content {
        /// With a number.
        Some {
            number: u8,
        },
        None,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Thing {
        states: Vec<State>,
        content: Content,
    }

    #[test]
    fn an_enum_without_content_becomes_a_list_wherever_it_stands_and_no_other_changes() {
        let plain = schemars::schema_for!(Thing);
        let mut listed = plain.clone();
        list_choices(&mut listed);
        assert!(plain.pointer("/$defs/State/oneOf").is_some(), "schemars does it by itself by now");
        assert_eq!(
            listed.pointer("/$defs/State"),
            Some(&json!({
                "type": "string",
                "enum": ["on-sale", "retired", "draft"],
                "description": "Where it stands.\n\n- `draft`: Not sold yet.",
            }))
        );
        for unchanged in ["/$defs/Content", "/properties"] {
            assert_eq!(listed.pointer(unchanged), plain.pointer(unchanged));
        }
    }

    #[test]
    fn it_is_a_transform() {
        let settings = schemars::generate::SchemaSettings::draft2020_12().with_transform(list_choices);
        let schema = settings.into_generator().into_root_schema_for::<State>();
        assert!(schema.get("oneOf").is_none() && schema.get("enum").is_some(), "{schema:?}");
    }
}
