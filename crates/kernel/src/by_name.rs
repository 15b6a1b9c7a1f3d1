//! Reading structs by the names of their fields.
//! The rule: where a struct is meant, only an object will do, however deep it stands. serde's derive would take a list
//! too, field by field, and so make the order of the fields a part of every API that reads JSON.
//!
//! What serde buffers before it knows the type (`untagged`, `tag`, `flatten`) is out of reach.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// Around a deserializer: whatever is read through it refuses a list where a struct is meant.
///
/// ```
/// use kernel::ByName;
/// use serde::Deserialize;
///
/// #[derive(Debug, Deserialize)]
/// struct Line {
///     sku: String,
///     quantity: i64,
/// }
///
/// let read = |text: &str| Vec::<Line>::deserialize(ByName(&mut serde_json::Deserializer::from_str(text)));
/// let lines = read(r#"[{"sku": "LAMP", "quantity": 2}]"#)?;
/// assert_eq!((lines[0].sku.as_str(), lines[0].quantity), ("LAMP", 2));
/// let refused = read(r#"[["LAMP", 2]]"#).unwrap_err();
/// assert!(refused.to_string().starts_with("invalid type: sequence, expected an object"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug)]
pub struct ByName<T>(pub T);

/// The visitor of a struct: an object is all it takes.
struct Fields<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Fields<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(ByName(map))
    }
}

/// Hands each kind of value on with a wrapped visitor.
macro_rules! hands_on {
    ($($method:ident($($argument:ident: $kind:ty),*),)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* ByName(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ByName<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Fields(visitor))
    }

    hands_on! {
        deserialize_any(), deserialize_bool(), deserialize_i8(), deserialize_i16(), deserialize_i32(),
        deserialize_i64(), deserialize_i128(), deserialize_u8(), deserialize_u16(), deserialize_u32(),
        deserialize_u64(), deserialize_u128(), deserialize_f32(), deserialize_f64(), deserialize_char(),
        deserialize_str(), deserialize_string(), deserialize_bytes(), deserialize_byte_buf(), deserialize_option(),
        deserialize_unit(), deserialize_seq(), deserialize_map(), deserialize_identifier(), deserialize_ignored_any(),
        deserialize_unit_struct(name: &'static str), deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(length: usize), deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Hands each value on as it is.
macro_rules! takes {
    ($($method:ident: $kind:ty,)*) => {$(
        fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ByName<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    takes! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32,
        visit_f64: f64, visit_char: char, visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
        visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(ByName(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(ByName(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(ByName(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(ByName(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(ByName(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for ByName<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(ByName(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(ByName(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(ByName(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(ByName(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for ByName<A> {
    type Error = A::Error;
    type Variant = ByName<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(ByName(seed)).map(|(name, content)| (name, ByName(content)))
    }
}

/// The content of a variant with named fields, read as the content of a variant with one value that is an object.
struct Named<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Named<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        deserializer.deserialize_map(Fields(self.0))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for ByName<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(ByName(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, ByName(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Named(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::ByName;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        text: String,
        number: Option<i64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Inner);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Choice {
        Nothing,
        One(Inner),
        Pair(Inner, u8),
        Fields { inner: Inner, flag: bool },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Everything {
        inner: Inner,
        maybe: Option<Inner>,
        boxed: Box<Inner>,
        wrapped: Wrapped,
        list: Vec<Inner>,
        pair: (u8, Inner),
        map: BTreeMap<String, Inner>,
        choices: Vec<Choice>,
        any: Value,
    }

    fn example() -> Value {
        let inner = json!({"text": "a", "number": 1});
        json!({
            "inner": inner, "maybe": inner, "boxed": inner, "wrapped": inner, "list": [inner, inner],
            "pair": [1, inner], "map": {"key": inner}, "any": [1, {"a": null}],
            "choices": [
                "nothing", {"one": inner}, {"pair": [inner, 1]}, {"fields": {"inner": inner, "flag": true}},
            ],
        })
    }

    fn read(value: &Value) -> Result<Everything, String> {
        let text = value.to_string();
        Everything::deserialize(ByName(&mut serde_json::Deserializer::from_str(&text)))
            .map_err(|error| error.to_string())
    }

    /// The pointers of all objects below this value that are structs.
    fn structs(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if members.contains_key("text") || members.contains_key("flag") || at.is_empty() {
                    found.push(at.to_owned());
                }
                members.iter().filter(|(name, _)| *name != "any").for_each(|(name, member)| {
                    structs(member, &format!("{at}/{name}"), found);
                });
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| structs(item, &format!("{at}/{index}"), found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// An object's values in the order in which the structs here declare their fields.
    fn by_position(object: &Value) -> Value {
        let order =
            ["text", "number", "flag", "inner", "maybe", "boxed", "wrapped", "list", "pair", "map", "choices", "any"];
        let order = if object.get("flag").is_some() { &["inner", "flag"][..] } else { &order };
        order.iter().filter_map(|name| object.get(*name).cloned()).collect()
    }

    #[test]
    fn objects_are_read_as_without_it() {
        let plain: Everything = serde_json::from_value(example()).unwrap();
        assert_eq!(read(&example()).unwrap(), plain);
    }

    #[test]
    fn a_list_is_taken_nowhere_for_a_struct_however_deep_it_stands() {
        let mut places = Vec::new();
        structs(&example(), "", &mut places);
        assert_eq!(places.len(), 13, "{places:?}");
        for place in places {
            let mut changed = example();
            let object = changed.pointer_mut(&place).unwrap();
            *object = by_position(object);
            assert!(serde_json::from_str::<Everything>(&changed.to_string()).is_ok(), "not by position: {place}");
            let refused = read(&changed).unwrap_err();
            assert!(refused.starts_with("invalid type: sequence, expected an object"), "{place}: {refused}");
        }
    }
}
