//! What may be asked for, and the built-in roles of an organisation's staff. The rule: one table says both, and checks,
//! documents and tests read it. A command or query names exactly one permission.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use strum::VariantArray as _;

/// The table: each permission, the word that tokens and documents write, and the roles that have it besides the owner.
/// What no member of staff can have stands behind `beyond staff`.
macro_rules! permissions {
    (
        staff { $($(#[$documentation:meta])* $name:ident = $word:literal for [$($role:ident),*];)* }
        beyond staff { $($(#[$about:meta])* $other:ident = $text:literal;)* }
    ) => {
        /// What a command or query requires of its caller, written as `resource:action`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::VariantArray)]
        #[derive(strum::VariantNames)]
        pub enum Permission {
            $($(#[$documentation])* #[strum(serialize = $word)] $name,)*
            $($(#[$about])* #[strum(serialize = $text)] $other,)*
        }

        impl Permission {
            /// Every permission that a role of an organisation can have.
            pub const STAFF: &[Permission] = &[$(Permission::$name),*];

            /// The built-in roles that have it, besides [`Role::Owner`]; none for what staff cannot have.
            #[must_use]
            pub const fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$name => &[$(Role::$role),*],)*
                    $(Self::$other => &[],)*
                }
            }
        }
    };
}

permissions! {
    staff {
        /// See products and stock.
        ProductRead = "product:read" for [Admin, CatalogManager, OrderManager, Viewer];
        /// Create, change, retire and import products.
        ProductWrite = "product:write" for [Admin, CatalogManager];
        /// Adjust stock.
        StockAdjust = "stock:adjust" for [Admin, CatalogManager];
        /// See the category tree as staff.
        CategoryRead = "category:read" for [Admin, CatalogManager, OrderManager, Viewer];
        /// Change the category tree.
        CategoryWrite = "category:write" for [Admin, CatalogManager];
        /// See all orders of the organisation.
        OrderRead = "order:read" for [Admin, OrderManager, Viewer];
        /// Act on any order of the organisation.
        OrderWrite = "order:write" for [Admin, OrderManager];
        /// Record money that was paid for an order, and money that was given back.
        OrderRefund = "order:refund" for [Admin, OrderManager];
        /// Export and erase what is held on a person who ordered.
        PrivacyManage = "privacy:manage" for [Admin];
        /// Say where the team hears what happens, and what it hears there.
        NotificationManage = "notification:manage" for [Admin];
        /// See the organisation and oneself in it.
        OrganisationRead = "organisation:read" for [Admin, CatalogManager, OrderManager, Viewer];
        /// Change the organisation's name and settings.
        OrganisationWrite = "organisation:write" for [Admin];
        /// See the members, their roles and the open invitations.
        MemberRead = "member:read" for [Admin];
        /// Invite and remove members and change their roles.
        MemberManage = "member:manage" for [Admin];
        /// Make and change roles of the organisation's own.
        RoleManage = "role:manage" for [Admin];
        /// Make and revoke API keys.
        ApiKeyManage = "apikey:manage" for [Admin];
        /// Make somebody an owner, and remove an owner.
        OwnerManage = "owner:manage" for [];
    }
    beyond staff {
        /// See what the shop shows to everybody.
        StoreBrowse = "store:browse";
        /// Place an order; read and cancel it with its token.
        StoreOrder = "store:order";
        /// Log in, and what else is done without being logged in.
        SignIn = "account:sign-in";
        /// Look after one's own account: sessions, password, organisations. Every person who is logged in may.
        AccountOwn = "account:own";
        /// Look after one's own account in a shop, and see and cancel the orders of it.
        CustomerOwn = "customer:own";
        /// See all organisations, suspend them, and rotate the signing keys.
        PlatformManage = "platform:manage";
        /// Create an organisation.
        SetUp = "organisation:create";
        /// Reserved for the installation itself: reactions to events, sweeps.
        System = "system:act";
    }
}

impl Permission {
    /// Whether it is about who may do what: such commands are written to the audit log.
    #[must_use]
    pub const fn is_administrative(self) -> bool {
        matches!(
            self,
            Self::OrganisationWrite
                | Self::MemberManage
                | Self::RoleManage
                | Self::ApiKeyManage
                | Self::OwnerManage
                | Self::PlatformManage
                | Self::SetUp
        )
    }

    /// Reads what tokens and the database write: "product:read".
    ///
    /// # Errors
    /// When there is no such permission, or none that a role can have.
    pub fn parse(text: &str) -> Result<Self, kernel::Malformed> {
        let known = text.parse::<Self>().ok().filter(|permission| Self::STAFF.contains(permission));
        known.ok_or_else(|| {
            let words = Self::STAFF.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            kernel::Malformed::new("permission", format!("must be one of {words}"))
        })
    }
}

impl schemars::JsonSchema for Permission {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permission".into()
    }

    /// Those that a role or a key can have; nobody sends another one.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<String> = Self::STAFF.iter().map(ToString::to_string).collect();
        schemars::json_schema!({"type": "string", "enum": words, "description": "What may be done, as `resource:action`."})
    }
}

/// A set of permissions. A token's `scope` claim writes it as words with a space between them (RFC 8693, section 4.2).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u64);

// One bit each.
const _: () = assert!(Permission::VARIANTS.len() <= 64);

impl Permissions {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Whether the permission is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// Whether every permission of the other set is in this one.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The permissions, in the table's order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::VARIANTS.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// The permissions of a `scope` claim. A word that this program does not know permits nothing here, so a newer issuer
    /// may say more.
    #[must_use]
    pub fn of_scope(scope: &str) -> Self {
        scope.split(' ').filter_map(|word| Permission::parse(word).ok()).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u64))
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, permission) in self.iter().enumerate() {
            write!(formatter, "{}{permission}", if position > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(|permission| permission.to_string())).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A text, borrowed or not.
        struct Scope;
        impl de::Visitor<'_> for Scope {
            type Value = Permissions;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("words with a space between them")
            }

            fn visit_str<E: de::Error>(self, scope: &str) -> Result<Permissions, E> {
                Ok(Permissions::of_scope(scope))
            }
        }
        deserializer.deserialize_str(Scope)
    }
}

/// A built-in role of an organisation's staff. An organisation may add roles of its own, under other names.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
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
    /// Everything that staff can do. Every organisation has at least one owner.
    Owner,
    /// Everything but making and removing owners.
    Admin,
    /// Products, stock and categories.
    CatalogManager,
    /// Orders; sees the catalog.
    OrderManager,
    /// Sees catalog and orders.
    Viewer,
}

impl Role {
    /// The permissions of the role.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        let has = |permission: &&Permission| self == Self::Owner || permission.roles().contains(&self);
        Permission::STAFF.iter().filter(has).copied().collect()
    }

    /// Reads what the database writes: "owner".
    ///
    /// # Errors
    /// When there is no such role.
    pub fn parse(text: &str) -> Result<Self, kernel::Malformed> {
        kernel::parse_name("role", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_a_resource_and_an_action() {
        for permission in Permission::VARIANTS {
            let word = permission.to_string();
            let (resource, action) = word.split_once(':').unwrap();
            for part in [resource, action] {
                assert!(
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                    "{word}"
                );
            }
            assert_eq!(Permission::parse(&word).is_ok(), Permission::STAFF.contains(permission), "{word}");
        }
        assert!(Permission::parse("product:eat").unwrap_err().to_string().starts_with("permission must be one of"));
    }

    #[test]
    fn a_role_is_written_as_one_word() {
        for role in Role::VARIANTS {
            assert_eq!(serde_json::to_string(role).unwrap(), format!("\"{role}\""));
            assert_eq!(Role::parse(&role.to_string()).unwrap(), *role);
        }
        assert_eq!(Role::CatalogManager.to_string(), "catalog-manager");
    }

    #[test]
    fn roles_nest_as_their_names_promise() {
        let all: Permissions = Permission::STAFF.iter().copied().collect();
        let of = Role::permissions;
        assert_eq!(of(Role::Owner), all);
        assert_eq!(all.without(of(Role::Admin)), [Permission::OwnerManage].into_iter().collect());
        for role in [Role::CatalogManager, Role::OrderManager, Role::Viewer] {
            assert!(of(Role::Admin).includes(of(role)), "{role}");
        }
        let writes = |role| of(role).iter().filter(|permission| !permission.to_string().ends_with(":read")).collect();
        let none: Vec<Permission> = writes(Role::Viewer);
        assert_eq!(none, []);
        assert!(!of(Role::CatalogManager).contains(Permission::OrderRead));
        assert!(!of(Role::OrderManager).contains(Permission::ProductWrite));
    }

    #[test]
    fn a_scope_is_read_as_it_is_written_and_an_unknown_word_permits_nothing() {
        let set: Permissions = [Permission::OrderRead, Permission::ProductRead].into_iter().collect();
        assert_eq!(set.to_string(), "product:read order:read");
        assert_eq!(Permissions::of_scope(&set.to_string()), set);
        assert_eq!(
            Permissions::of_scope("  order:read future:thing system:act"),
            [Permission::OrderRead].into_iter().collect()
        );
        assert_eq!(Permissions::of_scope(""), Permissions::NONE);
        assert!(serde_json::from_str::<Permissions>("[\"order:read\"]").is_err());
    }

    #[test]
    fn sets_are_compared_by_what_is_in_them() {
        let (viewer, admin) = (Role::Viewer.permissions(), Role::Admin.permissions());
        assert!(admin.includes(viewer) && !viewer.includes(admin) && viewer.includes(Permissions::NONE));
        assert_eq!(admin.intersection(viewer), viewer);
        assert_eq!(viewer.union(admin), admin);
        assert_eq!(viewer.without(admin), Permissions::NONE);
    }
}
