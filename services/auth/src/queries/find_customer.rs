//! A customer of an organisation's shop, and the organisation of a shop's slug.

use access::Permission;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, Malformed, OrganisationId, Slug, Timestamp};
use mediator::{Platform, Query, ReadConn};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Email, Name},
    error::Error,
    schema::{customers, organisations},
};

/// Which customer is asked for.
#[derive(Debug, Clone)]
pub enum CustomerKey {
    /// The one with this address in the organisation's shop.
    Email(OrganisationId, Email),
    /// This one.
    Id(OrganisationId, CustomerId),
}

/// Asks for an active customer of an active organisation.
#[derive(Debug, Clone)]
pub struct FindCustomer {
    /// Which one.
    pub key: CustomerKey,
}

/// Asks for the caller's own account in the shop.
#[derive(Debug, Clone)]
pub struct FindOwnCustomer {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The caller.
    pub customer: CustomerId,
}

/// A customer as logging in needs it.
#[derive(Debug, Clone)]
pub struct KnownCustomer {
    /// What is shown of the customer.
    pub view: CustomerView,
    /// The hash to check the password against.
    pub password: PasswordHash,
}

/// A customer. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CustomerView {
    /// Their identity.
    pub id: CustomerId,
    /// What they log in with, unique in the shop.
    pub email: Email,
    /// Their name.
    pub name: Name,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl KnownCustomer {
    /// What identifies the account, where its owner is told of attempts, and the hash that a password is checked against.
    #[must_use]
    pub fn proven_by(&self, organisation: OrganisationId) -> (AccountId, Email, PasswordHash) {
        let account = AccountId::Customer(self.view.id, organisation);
        (account, self.view.email.clone(), self.password.clone())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = customers, check_for_backend(diesel::pg::Pg))]
struct Row {
    customer_id: Uuid,
    email: String,
    name: String,
    password_hash: String,
    created_at: Timestamp,
}

impl Query for FindCustomer {
    const NAME: &'static str = "auth.find-customer";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Option<KnownCustomer>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let (organisation, email, customer) = match &self.key {
            CustomerKey::Email(organisation, email) => (organisation, Some(email.as_str()), None),
            CustomerKey::Id(organisation, customer) => (organisation, None, Some(customer.uuid())),
        };
        let row: Option<Row> = customers::table
            .inner_join(organisations::table)
            .filter(customers::org_id.eq(organisation.uuid()))
            .filter(customers::active.and(organisations::active))
            .filter(customers::email.nullable().eq(email).or(customers::customer_id.nullable().eq(customer)))
            .select(Row::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.map(Row::known).transpose()
    }
}

impl Query for FindOwnCustomer {
    const NAME: &'static str = "auth.find-own-customer";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Platform;
    type Reply = CustomerView;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<CustomerView, Error> {
        let key = CustomerKey::Id(self.organisation, self.customer);
        Ok(FindCustomer { key }.fetch(read).await?.ok_or(Error::SessionOver)?.view)
    }
}

impl Row {
    fn known(self) -> Result<KnownCustomer, Error> {
        let id = CustomerId::from_uuid(self.customer_id);
        let corrupt = |malformed: Malformed| Error::corrupt(format_args!("customer {id}"), &malformed);
        let view = CustomerView {
            id,
            email: Email::parse(&self.email).map_err(corrupt)?,
            name: Name::parse(&self.name).map_err(corrupt)?,
            created_at: self.created_at,
        };
        Ok(KnownCustomer { view, password: PasswordHash::stored(self.password_hash) })
    }
}

/// Asks for the active organisation of a shop's slug.
#[derive(Debug, Clone)]
pub struct FindShop {
    /// The slug.
    pub slug: Slug,
}

impl Query for FindShop {
    const NAME: &'static str = "auth.find-shop";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = OrganisationId;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<OrganisationId, Error> {
        let found: Option<Uuid> = organisations::table
            .filter(organisations::slug.eq(self.slug.as_str()))
            .filter(organisations::active)
            .select(organisations::org_id)
            .get_result(read.connection())
            .await
            .optional()?;
        found.map(OrganisationId::from_uuid).ok_or(Error::UnknownOrganisation)
    }
}
