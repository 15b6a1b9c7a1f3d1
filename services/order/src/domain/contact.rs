//! Who ordered and where it goes, as it was said when the order was placed. The rules: what exists is checked, and nobody is named
//! where something is only printed for debugging.

use std::fmt;

use kernel::{Country, CustomerId, Email, Malformed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name or a line of an address: 1 to 200 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactText(String);

impl ContactText {
    /// The longest, in characters.
    pub const LIMIT: usize = 200;

    /// Trims and checks a name or a line.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.chars().count() > Self::LIMIT || trimmed.chars().any(char::is_control) {
            return Err(Malformed::new("text", "must have 1 to 200 characters and no control characters"));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

kernel::text!(ContactText, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// A phone number as somebody writes it: 4 to 40 characters, of which 4 to 15 are digits.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// The longest, in characters.
    pub const LIMIT: usize = 40;

    /// Trims and checks a number.
    ///
    /// # Errors
    /// When it has other signs than digits, spaces and `+-./()`, or another number of digits.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let trimmed = text.trim();
        let digits = trimmed.bytes().filter(u8::is_ascii_digit).count();
        let is_sign = |sign: char| sign.is_ascii_digit() || " +-./()".contains(sign);
        if trimmed.len() > Self::LIMIT || !(4..=15).contains(&digits) || !trimmed.chars().all(is_sign) {
            let rule = "must have 4 to 15 digits and, between them, spaces and +-./() only, 40 characters at most";
            return Err(Malformed::new("phone number", rule));
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// Its digits, without the `00` that stands for a `+`: two ways to write one number have the same.
    #[must_use]
    pub fn digits(&self) -> String {
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
    }
}

kernel::text!(PhoneNumber, {"type": "string", "minLength": 4, "maxLength": Self::LIMIT});

/// Whom to ask about an order.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ContactText>,
    /// The person's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The person's phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
}

/// Where goods or invoices go.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// Who receives it.
    pub name: ContactText,
    /// Street, house, floor and what else there is, in their order.
    pub lines: Vec<ContactText>,
    /// The city, or what stands for it.
    pub city: ContactText,
    /// The region, where the country has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<ContactText>,
    /// The postal code, where the country has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<ContactText>,
    /// The country.
    pub country: Country,
    /// Whom the courier calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
}

/// Everything that was said of the person with an order.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactDetails {
    /// Whom to ask about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Where the invoice goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
}

macro_rules! unprinted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

unprinted!(Contact, Address, ContactDetails);

impl ContactDetails {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The words that the order is found by: names, addresses of e-mail, and phone numbers as they were written and as digits.
    #[must_use]
    pub fn words(&self) -> String {
        let contact = self.contact.iter().flat_map(Contact::words);
        let recipient = self.shipping_address.iter().flat_map(|address| {
            let phone = address.phone.iter().flat_map(|phone| [phone.to_string(), phone.digits()]);
            [address.name.to_string()].into_iter().chain(phone)
        });
        contact.chain(recipient).collect::<Vec<_>>().join(" ")
    }
}

impl Contact {
    /// The words that the person is found by.
    fn words(&self) -> impl Iterator<Item = String> {
        let name = self.name.iter().map(ToString::to_string);
        let email = self.email.iter().map(ToString::to_string);
        let phone = self.phone.iter().flat_map(|phone| [phone.to_string(), phone.digits()]);
        name.chain(email).chain(phone)
    }
}

/// What tells one person who orders from another. An account of the shop counts first, since it was proven; then the e-mail address, and
/// a phone number only where there is neither: families and offices share one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BuyerKey(String);

impl BuyerKey {
    /// The key of whoever orders; none for somebody of whom nothing is known.
    #[must_use]
    pub fn of(customer: Option<CustomerId>, contact: Option<&Contact>) -> Option<Self> {
        let customer = customer.map(|customer| format!("customer:{}", customer.uuid()));
        let email = contact.and_then(|contact| Some(format!("email:{}", contact.email.as_ref()?)));
        let phone = contact.and_then(|contact| Some(format!("phone:{}", contact.phone.as_ref()?.digits())));
        customer.or(email).or(phone).map(Self)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

unprinted!(BuyerKey);

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(email: Option<&str>, phone: Option<&str>) -> Contact {
        Contact {
            name: Some(ContactText::parse("Cleo").unwrap()),
            email: email.map(|email| Email::parse(email).unwrap()),
            phone: phone.map(|phone| PhoneNumber::parse(phone).unwrap()),
        }
    }

    #[test]
    fn one_way_to_write_a_phone_number_is_as_good_as_another() {
        let digits = |text: &str| PhoneNumber::parse(text).unwrap().digits();
        assert_eq!(digits("+84 (90) 123-45.67"), "84901234567");
        assert_eq!(digits("0084 90 1234567"), digits("+84901234567"));
        for refused in ["", "123", "call me", "+84 90 1234567 8901234", "0901234567 ext 5", &"1 ".repeat(25)] {
            assert!(PhoneNumber::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_account_counts_before_the_address_and_the_address_before_the_number() {
        let customer = CustomerId::new();
        let (one, other) = (contact(Some("Cleo@Example.org"), Some("0901234567")), contact(None, Some("090 123 4567")));
        let key = |customer, contact: &Contact| BuyerKey::of(customer, Some(contact)).unwrap();
        assert_eq!(key(Some(customer), &one), BuyerKey::of(Some(customer), None).unwrap());
        assert_eq!(key(None, &one), key(None, &contact(Some("cleo@example.org"), None)));
        assert_ne!(key(None, &one), key(None, &other), "the same number with another address, or with none");
        assert_eq!(BuyerKey::of(None, Some(&contact(None, None))), None);
    }

    #[test]
    fn nobody_is_named_where_it_is_only_printed() {
        let details = ContactDetails { contact: Some(contact(Some("cleo@example.org"), None)), ..Default::default() };
        let printed = format!("{details:?} {:?} {:?}", details.contact, BuyerKey::of(None, details.contact.as_ref()));
        assert!(!printed.contains("leo"), "{printed}");
        assert_eq!(details.words(), "Cleo cleo@example.org");
    }
}
