//! What may be asked for, and the roles of an organisation's staff. A command or query names exactly one permission.

use serde::{Deserialize, Serialize};

/// What a command or query requires of its caller. Documents and refusals write it in kebab case: "products-read".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Permission {
    /// See products and stock.
    ProductsRead,
    /// Create, change, retire and import products.
    ProductsWrite,
    /// Adjust stock.
    StockWrite,
    /// See the category tree as staff.
    CategoriesRead,
    /// Change the category tree.
    CategoriesWrite,
    /// See all orders of the organisation.
    OrdersRead,
    /// Act on any order of the organisation.
    OrdersWrite,
    /// See the organisation and oneself in it.
    OrganisationRead,
    /// See what the shop shows to everybody.
    StoreBrowse,
    /// Place an order; read and cancel it with its token.
    StoreOrder,
    /// Log in.
    SignIn,
    /// Create an organisation.
    SetUp,
    /// Reserved for the installation itself: reactions to events, sweeps.
    System,
}

/// What a member of staff is in an organisation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Everything that staff can do.
    Owner,
    /// Everything but changes of the organisation itself.
    Manager,
    /// Reads only.
    Viewer,
}

impl Role {
    const READS: &[Permission] =
        &[Permission::ProductsRead, Permission::CategoriesRead, Permission::OrdersRead, Permission::OrganisationRead];
    const READS_AND_WRITES: &[Permission] = &[
        Permission::ProductsRead,
        Permission::ProductsWrite,
        Permission::StockWrite,
        Permission::CategoriesRead,
        Permission::CategoriesWrite,
        Permission::OrdersRead,
        Permission::OrdersWrite,
        Permission::OrganisationRead,
    ];

    /// The permissions of the role.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner | Self::Manager => Self::READS_AND_WRITES,
            Self::Viewer => Self::READS,
        }
    }

    /// Reads what tokens and the database write: "owner".
    ///
    /// # Errors
    /// When there is no such role.
    pub fn parse(text: &str) -> Result<Self, kernel::Malformed> {
        kernel::parse_name("role", text)
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn text_and_json_are_the_same_word() {
        assert_eq!(Permission::ProductsRead.to_string(), "products-read");
        for role in Role::VARIANTS {
            assert_eq!(serde_json::to_string(role).unwrap(), format!("\"{role}\""));
            assert_eq!(Role::parse(&role.to_string()).unwrap(), *role);
        }
        assert_eq!(Role::parse("Owner").unwrap_err().to_string(), "role must be owner, manager or viewer");
    }

    #[test]
    fn no_role_may_do_what_is_reserved_for_the_installation() {
        for role in Role::VARIANTS {
            for permission in [Permission::System, Permission::SetUp, Permission::SignIn] {
                assert!(!role.permissions().contains(&permission), "{role} may {permission}");
            }
        }
    }
}
