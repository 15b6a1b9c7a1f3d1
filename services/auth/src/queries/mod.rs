//! What can be asked: one question and its one SELECT per file.

mod find_account;
mod find_api_key;
mod find_customer;
mod find_invitation;
mod find_offer;
mod find_organisation;
mod find_reset;
mod find_session;
mod find_setup_token;
mod find_user;
mod list_api_keys;
mod list_invitations;
mod list_members;
mod list_organisations;
mod list_roles;
mod list_sessions;

pub use find_account::{Account, FindAccount, FindOwnAccount};
pub use find_api_key::{FindApiKey, KnownApiKey};
pub use find_customer::{CustomerKey, CustomerView, FindCustomer, FindOwnCustomer, FindShop, KnownCustomer};
pub use find_invitation::{FindInvitation, FindSentInvitation};
pub use find_offer::FindOffer;
pub use find_organisation::FindOrganisation;
pub use find_reset::IsResetGood;
pub use find_session::FindSession;
pub use find_setup_token::IsSetupTokenGood;
pub use find_user::FindUser;
pub use list_api_keys::{FindOwnApiKey, ListApiKeys};
pub use list_invitations::ListInvitations;
pub use list_members::{FindChangedMember, ListMembers};
pub use list_organisations::{FindAnyOrganisation, ListOrganisations};
pub use list_roles::ListRoles;
pub use list_sessions::{ListCustomerSessions, ListSessions, SessionView};
