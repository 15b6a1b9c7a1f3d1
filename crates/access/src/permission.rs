//! What may be asked for, and the roles of an organisation's people. A command or query names exactly one permission.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a command or query requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// What only the installation itself does: answers to events, sweeps.
    System,
}

impl Permission {
    /// Every permission.
    pub const ALL: &[Self] = &[
        Self::ProductsRead,
        Self::ProductsWrite,
        Self::StockWrite,
        Self::CategoriesRead,
        Self::CategoriesWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::OrganisationRead,
        Self::StoreBrowse,
        Self::StoreOrder,
        Self::SignIn,
        Self::SetUp,
        Self::System,
    ];

    /// As documents and refusals write it: "products-read".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProductsRead => "products-read",
            Self::ProductsWrite => "products-write",
            Self::StockWrite => "stock-write",
            Self::CategoriesRead => "categories-read",
            Self::CategoriesWrite => "categories-write",
            Self::OrdersRead => "orders-read",
            Self::OrdersWrite => "orders-write",
            Self::OrganisationRead => "organisation-read",
            Self::StoreBrowse => "store-browse",
            Self::StoreOrder => "store-order",
            Self::SignIn => "sign-in",
            Self::SetUp => "set-up",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What someone is in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything that staff can do.
    Owner,
    /// Everything but changes of the organisation itself.
    Manager,
    /// Only looks.
    Viewer,
}

impl Role {
    /// Every role.
    pub const ALL: &[Self] = &[Self::Owner, Self::Manager, Self::Viewer];

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

    /// What the role may.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner | Self::Manager => Self::READS_AND_WRITES,
            Self::Viewer => Self::READS,
        }
    }

    /// As tokens and the database write it: "owner".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Viewer => "viewer",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn parse(text: &str) -> Result<Self, kernel::Malformed> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| kernel::Malformed::new("role", "must be owner, manager or viewer"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_the_same_word() {
        for permission in Permission::ALL {
            assert_eq!(serde_json::to_string(permission).unwrap(), format!("\"{permission}\""));
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_string(role).unwrap(), format!("\"{role}\""));
            assert_eq!(Role::parse(role.as_str()).unwrap(), *role);
        }
        assert!(Role::parse("Owner").is_err());
    }

    #[test]
    fn a_viewer_changes_nothing() {
        for permission in Role::Viewer.permissions() {
            assert!(permission.as_str().ends_with("-read"), "{permission}");
        }
    }

    #[test]
    fn no_role_reaches_what_is_the_installations_own() {
        for role in Role::ALL {
            for permission in [Permission::System, Permission::SetUp, Permission::SignIn] {
                assert!(!role.permissions().contains(&permission), "{role} may {permission}");
            }
        }
    }
}
