//! Who asks. A caller is made from a verified token, from the absence of one, or by code for an event or a sweep; the
//! rule: from nothing else.

use kernel::{OrganisationId, UserId};

use crate::{Permission, Role};

/// Who asks for something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A member of an organisation's staff, by a verified token.
    Staff {
        /// The person.
        user: UserId,
        /// The organisation; a token is for exactly one.
        organisation: OrganisationId,
        /// The person's roles in it.
        roles: Vec<Role>,
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
            Self::Staff { roles, .. } => roles.iter().any(|role| role.permissions().contains(&permission)),
            Self::Shopper { .. } => matches!(permission, Permission::StoreBrowse | Permission::StoreOrder),
            Self::Visitor => matches!(permission, Permission::SignIn | Permission::SetUp),
            // A sweep sends the same commands as people do.
            Self::System { .. } => true,
        }
    }

    /// How events, logs and replay records name the caller: "user_…", "shopper", "visitor", "system:order".
    #[must_use]
    pub fn actor(&self) -> String {
        match self {
            Self::Staff { user, .. } => user.to_string(),
            Self::Shopper { .. } => "shopper".to_owned(),
            Self::Visitor => "visitor".to_owned(),
            Self::System { part } => format!("system:{part}"),
        }
    }

    /// The organisation that the caller is bound to; visitors and the system are bound to none.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Staff { organisation, .. } | Self::Shopper { organisation } => Some(*organisation),
            Self::Visitor | Self::System { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    fn staff(roles: &[Role]) -> Caller {
        Caller::Staff { user: UserId::new(), organisation: OrganisationId::new(), roles: roles.to_vec() }
    }

    fn granted(caller: &Caller) -> Vec<Permission> {
        Permission::VARIANTS.iter().copied().filter(|permission| caller.may(*permission)).collect()
    }

    #[test]
    fn each_caller_may_exactly_what_the_readme_says() {
        use Permission as P;
        let reads = [P::ProductsRead, P::CategoriesRead, P::OrdersRead, P::OrganisationRead];
        let everything_of_staff = &P::VARIANTS[..8];
        assert_eq!(granted(&staff(&[Role::Viewer])), reads);
        assert_eq!(granted(&staff(&[Role::Manager])), everything_of_staff);
        assert_eq!(granted(&staff(&[Role::Owner])), everything_of_staff);
        assert_eq!(granted(&staff(&[Role::Viewer, Role::Manager])), everything_of_staff);
        assert_eq!(granted(&staff(&[])), []);
        assert_eq!(granted(&Caller::Shopper { organisation: OrganisationId::new() }), [P::StoreBrowse, P::StoreOrder]);
        assert_eq!(granted(&Caller::Visitor), [P::SignIn, P::SetUp]);
        assert_eq!(granted(&Caller::System { part: "order" }), P::VARIANTS);
    }

    #[test]
    fn an_actor_is_named_as_events_name_it() {
        let user = UserId::new();
        let staff = Caller::Staff { user, organisation: OrganisationId::new(), roles: vec![] };
        assert_eq!(staff.actor(), user.to_string());
        assert_eq!(Caller::Shopper { organisation: OrganisationId::new() }.actor(), "shopper");
        assert_eq!(Caller::Visitor.actor(), "visitor");
        assert_eq!(Caller::System { part: "order" }.actor(), "system:order");
    }
}
