//! The rules of attributes and of the values of a product.

use serde_json::json;

use super::*;

fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn labels() -> BTreeMap<Locale, Label> {
    BTreeMap::from([(Locale::parse("en").unwrap(), label("Colour"))])
}

fn definition(r#type: AttributeType, choices: &[&str]) -> AttributeDefinition {
    let choices = choices.iter().map(|choice| label(choice)).collect();
    let code = AttributeCode::parse("colour").unwrap();
    AttributeDefinition::create(code, r#type, None, choices, labels(), at(1)).unwrap()
}

fn value(plain: serde_json::Value) -> AttributeValue {
    AttributeValue::try_from(plain).unwrap()
}

#[test]
fn each_type_takes_its_values_and_says_which_they_are() {
    use AttributeType::{Boolean, Choice, Choices, Date, Number, Text};
    let right = [
        (Text, json!("red")),
        (Number, json!(2.5)),
        (Boolean, json!(false)),
        (Date, json!("2028-02-29")),
        (Choice, json!("red")),
        (Choices, json!(["blue", "red"])),
    ];
    let wrong = [
        (Text, json!(1), "must be a text"),
        (Number, json!("1"), "must be a number"),
        (Boolean, json!("true"), "must be true or false"),
        (Date, json!("2027-02-29"), "must be a day such as 2026-12-31"),
        (Date, json!("2027-2-1"), "must be a day such as 2026-12-31"),
        (Choice, json!("green"), "must be one of red, blue"),
        (Choice, json!(["red"]), "must be one of red, blue"),
        (Choices, json!(["red", "green"]), "must be a list of some of red, blue"),
    ];
    let of = |r#type| match r#type {
        Choice | Choices => definition(r#type, &["red", "blue"]),
        other => definition(other, &[]),
    };
    for (r#type, plain) in right {
        assert_eq!(of(r#type).check(&value(plain)), Ok(()), "{type}");
    }
    for (r#type, plain, reason) in wrong {
        assert_eq!(of(r#type).check(&value(plain)).unwrap_err().reason, reason, "{type}");
    }
}

#[test]
fn a_number_with_a_unit_says_so() {
    let metres = AttributeDefinition { unit: Some(label("m")), ..definition(AttributeType::Number, &[]) };
    assert_eq!(metres.check(&value(json!("2 m"))).unwrap_err().reason, "must be a number of m, without the unit");
}

#[test]
fn an_unknown_code_is_told_which_there_are() {
    let code = AttributeCode::parse("size").unwrap();
    let (size, found) = (value(json!("L")), definition(AttributeType::Text, &[]));
    let with = |codes: &[Label]| check([(&code, &size)], |one| (*one == found.code).then_some(&found), codes);
    assert_eq!(
        with(&[label("colour")]).unwrap_err()[0].to_string(),
        "attribute size is not an attribute of this organisation; there are colour"
    );
    assert!(with(&[]).unwrap_err()[0].reason.ends_with("which has none"));
    let many: Vec<Label> = (0..25).map(|number| label(&format!("c{number}"))).collect();
    assert!(with(&many).unwrap_err()[0].reason.ends_with("c19 and 5 others"));
}

#[test]
fn a_definition_is_whole() {
    let code = || AttributeCode::parse("colour").unwrap();
    let create = |r#type, unit: Option<Label>, choices: Vec<Label>, labels| {
        AttributeDefinition::create(code(), r#type, unit, choices, labels, at(1)).map(drop)
    };
    let unit = || Some(label("cm"));
    assert_eq!(
        create(AttributeType::Text, unit(), vec![label("a")], BTreeMap::new()).unwrap_err(),
        [
            DefinitionFault::UnitOfNoNumber,
            DefinitionFault::ChoicesOfNoChoice(AttributeType::Text),
            DefinitionFault::LabelCount
        ]
    );
    assert_eq!(create(AttributeType::Number, unit(), vec![], labels()), Ok(()));
    for choices in [vec![], vec![label("a"), label("a")], vec![label("a"); 501]] {
        let refused = create(AttributeType::Choice, None, choices, labels()).unwrap_err();
        assert_eq!(refused, [DefinitionFault::ChoiceCount]);
    }
}

#[test]
fn choices_are_added_and_none_goes() {
    let mut colour = definition(AttributeType::Choice, &["red"]);
    let change = |choices: &[&str]| DefinitionChange {
        new_choices: choices.iter().map(|choice| label(choice)).collect(),
        ..DefinitionChange::default()
    };
    assert_eq!(colour.change(change(&["red"]), at(2)), Ok(false));
    assert_eq!(colour.change(change(&["blue", "red", "blue"]), at(2)), Ok(true));
    assert_eq!((colour.choices, colour.version), (vec![label("red"), label("blue")], 2));
    let mut text = definition(AttributeType::Text, &[]);
    assert!(text.change(change(&["red"]), at(2)).is_err());
    let unlabelled = DefinitionChange { labels: Entries::Clear, ..DefinitionChange::default() };
    assert_eq!(text.change(unlabelled, at(2)), Err(vec![DefinitionFault::LabelCount]));
}
