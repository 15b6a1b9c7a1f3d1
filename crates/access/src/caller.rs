//! Who asks. A caller is made from a verified token, from the absence of one, or by code for an event or a sweep; the
//! rule: from nothing else.

use kernel::{ApiKeyId, CustomerId, OrganisationId, SessionId, UserId};

use crate::{Permission, Permissions};

/// Who asks for something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A member of an organisation's staff, by a verified token.
    Staff {
        /// The person.
        user: UserId,
        /// The organisation; a token is for exactly one.
        organisation: OrganisationId,
        /// The login that the token comes from.
        session: SessionId,
        /// What the person's roles in the organisation allow.
        permissions: Permissions,
    },
    /// A program that works for an organisation, by a token that its API key was exchanged for.
    Integration {
        /// The API key.
        key: ApiKeyId,
        /// The organisation that the key belongs to.
        organisation: OrganisationId,
        /// The key's scopes.
        permissions: Permissions,
    },
    /// A person who runs the installation, by a verified token that is for no organisation.
    Operator {
        /// The person.
        user: UserId,
        /// The login that the token comes from.
        session: SessionId,
    },
    /// A customer who is logged in to an organisation's shop, by a verified token of the customers' own type.
    Customer {
        /// The customer.
        customer: CustomerId,
        /// The organisation whose shop it is.
        organisation: OrganisationId,
        /// The login that the token comes from.
        session: SessionId,
    },
    /// Anyone in an organisation's public shop.
    Shopper {
        /// The organisation whose shop it is.
        organisation: OrganisationId,
    },
    /// Anyone who has neither a token nor a shop: to log in or to set up an organisation.
    Visitor,
    /// The installation itself.
    System {
        /// The part that acts: "order".
        part: &'static str,
    },
}

impl Caller {
    /// Whether the caller may do what requires the permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Staff { permissions, .. } => permission == Permission::AccountOwn || permissions.contains(permission),
            Self::Integration { permissions, .. } => permissions.contains(permission),
            Self::Operator { .. } => {
                matches!(permission, Permission::PlatformManage | Permission::AccountOwn | Permission::SetUp)
            }
            Self::Customer { .. } => {
                matches!(permission, Permission::StoreBrowse | Permission::StoreOrder | Permission::CustomerOwn)
            }
            Self::Shopper { .. } => matches!(permission, Permission::StoreBrowse | Permission::StoreOrder),
            Self::Visitor => matches!(permission, Permission::SignIn | Permission::SetUp),
            // A sweep sends the same commands as people do.
            Self::System { .. } => true,
        }
    }

    /// The permissions that the caller's roles or scopes give, which is what they may hand on to others.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        match self {
            Self::Staff { permissions, .. } | Self::Integration { permissions, .. } => *permissions,
            Self::Operator { .. }
            | Self::Customer { .. }
            | Self::Shopper { .. }
            | Self::Visitor
            | Self::System { .. } => Permissions::NONE,
        }
    }

    /// How events, logs and replay records name the caller: "user_…", "akey_…", "cust_…", "shopper", "visitor",
    /// "system:order".
    #[must_use]
    pub fn actor(&self) -> String {
        match self {
            Self::Staff { user, .. } | Self::Operator { user, .. } => user.to_string(),
            Self::Customer { customer, .. } => customer.to_string(),
            Self::Integration { key, .. } => key.to_string(),
            Self::Shopper { .. } => "shopper".to_owned(),
            Self::Visitor => "visitor".to_owned(),
            Self::System { part } => format!("system:{part}"),
        }
    }

    /// The organisation that the caller is bound to; operators, visitors and the system are bound to none.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Staff { organisation, .. }
            | Self::Integration { organisation, .. }
            | Self::Customer { organisation, .. }
            | Self::Shopper { organisation } => Some(*organisation),
            Self::Operator { .. } | Self::Visitor | Self::System { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::Role;

    fn staff(roles: &[Role]) -> Caller {
        let permissions = roles.iter().fold(Permissions::NONE, |all, role| all.union(role.permissions()));
        Caller::Staff {
            user: UserId::new(),
            organisation: OrganisationId::new(),
            session: SessionId::new(),
            permissions,
        }
    }

    fn integration(permissions: Permissions) -> Caller {
        Caller::Integration { key: ApiKeyId::new(), organisation: OrganisationId::new(), permissions }
    }

    fn granted(caller: &Caller) -> Vec<Permission> {
        Permission::VARIANTS.iter().copied().filter(|permission| caller.may(*permission)).collect()
    }

    #[test]
    fn each_caller_may_exactly_what_the_readme_says() {
        use Permission as P;
        let own = |role: Role| role.permissions().iter().chain([P::AccountOwn]).collect::<Vec<_>>();
        for role in Role::VARIANTS {
            assert_eq!(granted(&staff(&[*role])), own(*role), "{role}");
            assert_eq!(granted(&integration(role.permissions())), role.permissions().iter().collect::<Vec<_>>());
        }
        let both: Vec<_> = P::STAFF
            .iter()
            .copied()
            .filter(|permission| {
                Role::CatalogManager.permissions().union(Role::OrderManager.permissions()).contains(*permission)
            })
            .chain([P::AccountOwn])
            .collect();
        assert_eq!(granted(&staff(&[Role::CatalogManager, Role::OrderManager])), both);
        assert_eq!(granted(&staff(&[])), [P::AccountOwn]);
        assert_eq!(granted(&integration(Permissions::NONE)), []);
        assert_eq!(granted(&Caller::Shopper { organisation: OrganisationId::new() }), [P::StoreBrowse, P::StoreOrder]);
        let (organisation, session) = (OrganisationId::new(), SessionId::new());
        let customer = Caller::Customer { customer: CustomerId::new(), organisation, session };
        assert_eq!(granted(&customer), [P::StoreBrowse, P::StoreOrder, P::CustomerOwn]);
        let operator = Caller::Operator { user: UserId::new(), session };
        assert_eq!(granted(&operator), [P::AccountOwn, P::PlatformManage, P::SetUp]);
        assert_eq!(granted(&Caller::Visitor), [P::SignIn, P::SetUp]);
        assert_eq!(granted(&Caller::System { part: "order" }), P::VARIANTS);
    }

    #[test]
    fn an_actor_is_named_as_events_name_it() {
        let Caller::Staff { user, .. } = staff(&[]) else { panic!("staff") };
        let organisation = OrganisationId::new();
        let session = SessionId::new();
        let staff = Caller::Staff { user, organisation, session, permissions: Permissions::NONE };
        assert_eq!(staff.actor(), user.to_string());
        let key = ApiKeyId::new();
        let integration = Caller::Integration { key, organisation, permissions: Permissions::NONE };
        assert_eq!(integration.actor(), key.to_string());
        let customer = CustomerId::new();
        assert_eq!(Caller::Customer { customer, organisation, session }.actor(), customer.to_string());
        assert_eq!(Caller::Operator { user, session }.actor(), user.to_string());
        assert_eq!(Caller::Shopper { organisation }.actor(), "shopper");
        assert_eq!(Caller::Visitor.actor(), "visitor");
        assert_eq!(Caller::System { part: "order" }.actor(), "system:order");
    }
}
