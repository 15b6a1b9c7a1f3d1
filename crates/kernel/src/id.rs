//! Typed ids: a UUID with the kind of thing that it names. Written as a TypeID, `prod_01h455vb4pex5vsknk084sn02q`; the
//! rule: an id of another kind is visible at a glance and refused by its prefix.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Malformed, Timestamp};

/// Crockford's base 32 in lower case, as the TypeID convention has it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 26 digits of 5 bits hold 130 bits: the first digit is at most 7.
const DIGITS: usize = 26;

/// The kind of thing that an id names. It has what an id of it shall have.
pub trait Kind: Copy + Ord + Hash + 'static {
    /// The letters before the underscore.
    const PREFIX: &'static str;
    /// The type's name in schemas and in error messages.
    const NAME: &'static str;
}

/// The id of one `K`: a UUID (version 7 when made here, so that ids sort by the time they were made).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Id<K> {
    /// A new id; later ones of this process sort after earlier ones.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default value is always the same; a new id never is")]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// A new id of something that is older: it sorts among those that were made at this time, or first where that is before 1970.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, time.timestamp_subsec_nanos());
        Self::from_uuid(Uuid::new_v7(time))
    }

    /// Types a UUID from the database or from a record's key. Any version is accepted.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The bare UUID: for SQL rows and record keys only.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    fn malformed(reason: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed::new(K::NAME, reason)
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0_u8; DIGITS];
        let mut rest = self.uuid.as_u128();
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        write!(formatter, "{}_", K::PREFIX)?;
        digits.iter().try_for_each(|digit| fmt::Write::write_char(formatter, char::from(*digit)))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or_else(|| Self::malformed(format!("must begin with \"{}_\"", K::PREFIX)))?;
        if digits.len() != DIGITS {
            return Err(Self::malformed(format!("must have {DIGITS} characters after \"{}_\"", K::PREFIX)));
        }
        let mut value = 0_u128;
        for (position, digit) in digits.bytes().enumerate() {
            let number = ALPHABET
                .iter()
                .position(|letter| *letter == digit)
                .filter(|number| position > 0 || *number < 8)
                .ok_or_else(|| Self::malformed("has a character that no id has; copy it again as it was given"))?;
            value = (value << 5) | number as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(value)))
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<K: Kind> JsonSchema for Id<K> {
    fn schema_name() -> Cow<'static, str> {
        K::NAME.into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("kernel::{}", K::NAME).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", K::PREFIX),
        })
    }
}

macro_rules! kinds {
    ($($(#[$documentation:meta])* $kind:ident, $alias:ident, $prefix:literal;)*) => {
        /// The kinds of things that have ids.
        pub mod kinds {
            $(
                $(#[$documentation])*
                #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
                pub enum $kind {}
                impl super::Kind for $kind {
                    const PREFIX: &'static str = $prefix;
                    const NAME: &'static str = stringify!($alias);
                }
            )*
        }
        $(
            $(#[$documentation])*
            pub type $alias = Id<kinds::$kind>;
        )*
        #[cfg(test)]
        const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

kinds! {
    /// A tenant: a seller's organisation.
    Organisation, OrganisationId, "org";
    /// A person, who may work for several organisations.
    User, UserId, "user";
    /// A person's place in one organisation.
    Membership, MembershipId, "mem";
    /// An offer of a membership to an e-mail address.
    Invitation, InvitationId, "inv";
    /// A customer of an organisation's shop, who has an account there.
    Customer, CustomerId, "cust";
    /// Somebody who ordered from an organisation, with an account in its shop or without.
    Buyer, BuyerId, "buyer";
    /// A login, from its first token to its end.
    Session, SessionId, "sess";
    /// A key of an integration.
    ApiKey, ApiKeyId, "akey";
    /// A node of an organisation's category tree.
    Category, CategoryId, "cat";
    /// A product with its variants.
    Product, ProductId, "prod";
    /// One sellable variant of a product.
    Variant, VariantId, "var";
    /// A price of a variant for a channel or a time, or a change of its base price.
    Price, PriceId, "prc";
    /// A shopper's order.
    Order, OrderId, "ord";
    /// A parcel in which goods of an order are sent.
    Parcel, ParcelId, "parc";
    /// Goods of an order that come back.
    Return, ReturnId, "ret";
    /// Money that was received, or promised, for an order.
    Payment, PaymentId, "pay";
    /// Money of a payment that was given back.
    Refund, RefundId, "rfd";
    /// A published event.
    Event, EventId, "evt";
    /// Where an organisation hears what happens.
    Destination, DestinationId, "dest";
    /// A person's account on Telegram, as it is linked to them in an organisation.
    ChatLink, ChatLinkId, "chl";
    /// Something that a person asked for with a button in a chat.
    Action, ActionId, "act";
    /// A message on its way to the operations team.
    Delivery, DeliveryId, "dlv";
    /// A run of a file import.
    Import, ImportId, "imp";
    /// A named query of an organisation.
    View, ViewId, "view";
    /// A key that signs access tokens.
    Key, KeyId, "key";
    /// An access token.
    Token, TokenId, "tok";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_written_as_the_typeid_convention_says() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        assert_eq!(ProductId::from_uuid(uuid).to_string(), "prod_01h455vb4pex5vsknk084sn02q");
        assert_eq!(ProductId::from_uuid(Uuid::max()).to_string(), "prod_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(ProductId::from_uuid(Uuid::nil()).to_string(), "prod_00000000000000000000000000");
    }

    #[test]
    fn another_kind_of_id_is_refused_by_name() {
        let refused = VariantId::new().to_string().parse::<ProductId>().unwrap_err();
        assert_eq!(refused.to_string(), "ProductId must begin with \"prod_\"");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "prod",
            "prod_",
            "prod_01h455vb4pex5vsknk084sn02",
            "prod_01h455vb4pex5vsknk084sn02qq",
            "prod_81h455vb4pex5vsknk084sn02q",
            "prod_01H455VB4PEX5VSKNK084SN02Q",
            "prod_01h455vb4pex5vsknk084sn02l",
            "prod_01h455vb4pex5vsknk084sn0é",
            " prod_01h455vb4pex5vsknk084sn02q",
            "products_01h455vb4pex5vsknk084sn02q",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert!(text.parse::<ProductId>().is_err(), "{text:?} was taken for an id");
        }
    }

    #[test]
    fn new_ids_sort_by_the_time_they_were_made() {
        let ids: Vec<_> = (0..1_000).map(|_| OrderId::new()).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().map(ToString::to_string).is_sorted());
    }

    #[test]
    fn no_two_kinds_share_a_prefix() {
        assert_eq!(PREFIXES.iter().collect::<HashSet<_>>().len(), PREFIXES.len());
    }

    #[test]
    fn the_schema_pattern_names_the_prefix() {
        let schema = schemars::schema_for!(OrderId);
        assert_eq!(schema.get("pattern").unwrap(), "^ord_[0-7][0-9a-hjkmnp-tv-z]{25}$");
    }

    proptest! {
        #[test]
        fn text_and_json_lead_back_to_the_same_id(value: u128) {
            let id = OrderId::from_uuid(Uuid::from_u128(value));
            prop_assert_eq!(id.to_string().parse::<OrderId>().unwrap(), id);
            prop_assert_eq!(serde_json::from_str::<OrderId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }

        #[test]
        fn text_sorts_as_the_ids_do(left: u128, right: u128) {
            let (left, right) = (OrderId::from_uuid(Uuid::from_u128(left)), OrderId::from_uuid(Uuid::from_u128(right)));
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,60}") {
            let _ = text.parse::<OrderId>();
            let _ = format!("ord_{text}").parse::<OrderId>();
        }
    }
}
