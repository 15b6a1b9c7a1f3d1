//! What a piece measures. The rule: whole numbers of one unit, never negative and bounded.

use kernel::Malformed;

macro_rules! measure {
    ($(#[$documentation:meta])* $name:ident, $most:literal, $what:literal) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64")]
        pub struct $name(i64);

        impl $name {
            /// The most that there can be.
            pub const MOST: i64 = $most;

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = Malformed;

            fn try_from(number: i64) -> Result<Self, Malformed> {
                if (0..=Self::MOST).contains(&number) {
                    Ok(Self(number))
                } else {
                    Err(Malformed::new($what, format!("must be from 0 to {}", Self::MOST)))
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "integer", "format": "int64", "minimum": 0, "maximum": Self::MOST})
            }
        }
    };
}

measure!(
    /// A weight in grams, up to a hundred tons.
    Grams,
    100_000_000,
    "weight_grams"
);
measure!(
    /// A length in millimetres, up to a kilometre.
    Millimetres,
    1_000_000,
    "length_mm"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_bounded() {
        assert_eq!(Grams::try_from(100_000_000).map(Grams::get), Ok(100_000_000));
        for wrong in [-1, 100_000_001] {
            assert!(Grams::try_from(wrong).is_err());
        }
        assert!(Millimetres::try_from(1_000_001).is_err());
        assert!(serde_json::from_str::<Grams>("1.5").is_err());
    }
}
