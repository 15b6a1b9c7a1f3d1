#![doc = include_str!("../README.md")]
//!
//! Every type has its own file and is re-exported here; the rule: constructors check, so a value that exists is valid.

mod breaker;
mod by_name;
mod channel_code;
mod choices;
mod clock;
mod country;
mod currency;
mod email;
mod expected;
mod id;
mod malformed;
mod money;
mod named;
mod page;
mod present;
mod quantity;
mod secret;
mod signed_money;
mod sku;
mod slug;
mod text;
mod time_zone;

pub use breaker::{Attempt, Breaker};
pub use by_name::ByName;
pub use channel_code::ChannelCode;
pub use choices::list_choices;
pub use clock::{Clock, Day, Timestamp};
pub use country::Country;
pub use currency::Currency;
pub use email::Email;
pub use expected::Expected;
pub use id::{
    ActionId, ApiKeyId, BuyerId, CategoryId, ChatLinkId, CustomerId, DeliveryId, DestinationId, EventId, Id, ImportId,
    InvitationId, KeyId, Kind, MembershipId, OrderId, OrganisationId, ParcelId, PaymentId, PriceId, ProductId,
    RefundId, ReturnId, SessionId, TokenId, UserId, VariantId, ViewId, kinds,
};
pub use malformed::Malformed;
pub use money::Money;
pub use named::parse_name;
pub use page::{Cursor, Page, PageSize};
pub use present::present;
pub use quantity::Quantity;
pub use secret::Secret;
pub use signed_money::SignedMoney;
pub use sku::Sku;
pub use slug::Slug;
pub use time_zone::TimeZone;
