//! Contacts and addresses as clients send them. The rule: the domain's rule on every text.

use std::fmt;

use kernel::{Country, Email, Malformed};
use rest::parses;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{Address, Contact, ContactDetails, ContactText, PhoneNumber};

/// The most lines of an address.
const LINES: usize = 5;

/// Whom to ask about an order.
#[derive(Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactBody {
    /// The person's name, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(ContactText::parse))))]
    #[schemars(with = "Option<ContactText>")]
    name: Option<String>,
    /// The person's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(Email::parse))))]
    #[schemars(with = "Option<Email>")]
    email: Option<String>,
    /// The person's phone number, with 4 to 15 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(PhoneNumber::parse))))]
    #[schemars(with = "Option<PhoneNumber>")]
    phone: Option<String>,
}

/// Where goods or invoices go.
#[derive(Serialize, Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressBody {
    /// Who receives it, 1 to 200 characters.
    #[garde(custom(parses(ContactText::parse)))]
    #[schemars(with = "ContactText")]
    name: String,
    /// Street, house, floor and what else there is: 1 to 5 lines of 1 to 200 characters.
    #[garde(length(min = 1, max = LINES), inner(custom(parses(ContactText::parse))))]
    #[schemars(with = "Vec<ContactText>", extend("minItems" = 1, "maxItems" = 5))]
    lines: Vec<String>,
    /// The city, or what stands for it, 1 to 200 characters.
    #[garde(custom(parses(ContactText::parse)))]
    #[schemars(with = "ContactText")]
    city: String,
    /// The region, where the country has any, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(ContactText::parse))))]
    #[schemars(with = "Option<ContactText>")]
    region: Option<String>,
    /// The postal code, where the country has any, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(ContactText::parse))))]
    #[schemars(with = "Option<ContactText>")]
    postal_code: Option<String>,
    /// The country, as ISO 3166-1 names it with two letters.
    #[garde(custom(parses(Country::parse)))]
    #[schemars(with = "Country")]
    country: String,
    /// Whom the courier calls: 4 to 15 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(parses(PhoneNumber::parse))))]
    #[schemars(with = "Option<PhoneNumber>")]
    phone: Option<String>,
}

impl fmt::Debug for ContactBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactBody").finish_non_exhaustive()
    }
}

impl fmt::Debug for AddressBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressBody").finish_non_exhaustive()
    }
}

impl ContactBody {
    pub(super) fn contact(&self) -> Result<Contact, Malformed> {
        Ok(Contact {
            name: self.name.as_deref().map(ContactText::parse).transpose()?,
            email: self.email.as_deref().map(Email::parse).transpose()?,
            phone: self.phone.as_deref().map(PhoneNumber::parse).transpose()?,
        })
    }
}

impl AddressBody {
    pub(super) fn address(&self) -> Result<Address, Malformed> {
        Ok(Address {
            name: ContactText::parse(&self.name)?,
            lines: self.lines.iter().map(|line| ContactText::parse(line)).collect::<Result<_, _>>()?,
            city: ContactText::parse(&self.city)?,
            region: self.region.as_deref().map(ContactText::parse).transpose()?,
            postal_code: self.postal_code.as_deref().map(ContactText::parse).transpose()?,
            country: Country::parse(&self.country)?,
            phone: self.phone.as_deref().map(PhoneNumber::parse).transpose()?,
        })
    }
}

/// What a body says of people and addresses.
pub(super) fn details(
    contact: Option<&ContactBody>,
    shipping_address: Option<&AddressBody>,
    billing_address: Option<&AddressBody>,
) -> Result<ContactDetails, Malformed> {
    Ok(ContactDetails {
        contact: contact.map(ContactBody::contact).transpose()?,
        shipping_address: shipping_address.map(AddressBody::address).transpose()?,
        billing_address: billing_address.map(AddressBody::address).transpose()?,
    })
}
