//! The account that somebody logs in to, or is logged in to, with the organisations that it works for. It belongs to no
//! organisation, so the platform asks: its role sees the columns that this takes.

use access::Permission;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, MembershipId, OrganisationId, Slug, UserId};
use mediator::{Platform, Query, ReadConn};
use persistence::statement;
use uuid::Uuid;

use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Email, Name, RoleName, Seat, role},
    error::Error,
};

/// Which account is asked for.
#[derive(Debug, Clone)]
pub enum FindAccount {
    /// The one with this address.
    ByEmail(Email),
    /// The one of this person.
    ByUser(UserId),
}

/// An active account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// What the person logs in with.
    pub email: Email,
    /// The name that people see.
    pub name: Name,
    /// The hash to check the password against.
    pub password: PasswordHash,
    /// Whether the person runs the installation.
    pub is_operator: bool,
    /// The organisations that the person works for, by slug; suspended ones, too.
    pub seats: Vec<Seat>,
}

impl Account {
    /// What identifies the account, where its owner is told of attempts, and the hash that a password is checked against.
    #[must_use]
    pub fn proven_by(&self) -> (AccountId, Email, PasswordHash) {
        (AccountId::Person(self.user), self.email.clone(), self.password.clone())
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    person_name: String,
    #[diesel(sql_type = Text)]
    password_hash: String,
    #[diesel(sql_type = Bool)]
    is_operator: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    org_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    slug: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    organisation_name: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    membership_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    roles: Option<Vec<String>>,
    #[diesel(sql_type = Nullable<Bool>)]
    organisation_active: Option<bool>,
    #[diesel(sql_type = Array<Text>)]
    own_permissions: Vec<String>,
}

/// The SELECT with its last condition, since a statement's text is constant.
macro_rules! accounts_where {
    ($condition:literal) => {
        concat!(
            "select p.user_id, p.email, p.name as person_name, p.password_hash, seat.*,
                    exists (select 1 from operators o where o.user_id = p.user_id) as is_operator,
                    array(select unnest(r.permissions) from roles r
                           where r.org_id = seat.org_id and r.name = any(seat.roles)) as own_permissions
               from people p
               left join lateral (
                        select m.org_id, o.slug, o.name as organisation_name, m.membership_id, m.version, m.roles,
                               o.active as organisation_active
                          from memberships m join organisations o on o.org_id = m.org_id
                         where m.user_id = p.user_id and m.active
                    ) seat on true
              where p.active and ",
            $condition,
            " order by seat.slug"
        )
    };
}

impl Query for FindAccount {
    const NAME: &'static str = "auth.find-account";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Option<Account>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let rows: Vec<Row> = match self {
            Self::ByEmail(email) => {
                let by_email = statement(accounts_where!("p.email = $1"));
                by_email.bind::<Text, _>(email.as_str()).load(read.connection()).await?
            }
            Self::ByUser(user) => {
                let by_user = statement(accounts_where!("p.user_id = $1"));
                by_user.bind::<SqlUuid, _>(user.uuid()).load(read.connection()).await?
            }
        };
        let Some(first) = rows.as_slice().first() else { return Ok(None) };
        let user = UserId::from_uuid(first.user_id);
        let corrupt = |malformed: Malformed| Error::corrupt_account(user, &malformed);
        Ok(Some(Account {
            user,
            email: Email::parse(&first.email).map_err(corrupt)?,
            name: Name::parse(&first.person_name).map_err(corrupt)?,
            password: PasswordHash::stored(first.password_hash.clone()),
            is_operator: first.is_operator,
            seats: rows.into_iter().filter_map(Row::seat).collect::<Result<_, _>>().map_err(corrupt)?,
        }))
    }
}

/// Asks for the caller's own account.
#[derive(Debug, Clone, Copy)]
pub struct FindOwnAccount {
    /// The caller.
    pub user: UserId,
}

impl Query for FindOwnAccount {
    const NAME: &'static str = "auth.find-own-account";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Platform;
    type Reply = Account;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Account, Error> {
        let account = FindAccount::ByUser(self.user).fetch(read).await?;
        account.ok_or(Error::UnknownUser { user: self.user })
    }
}

impl Row {
    /// The seat of a row; none in the one row of somebody who works for nobody.
    fn seat(self) -> Option<Result<Seat, Malformed>> {
        let (organisation, membership, version) = (self.org_id?, self.membership_id?, self.version?);
        let (slug, name, roles, active) = (self.slug?, self.organisation_name?, self.roles?, self.organisation_active?);
        let seat = || {
            let roles = roles.iter().map(|name| RoleName::parse(name)).collect::<Result<Vec<_>, _>>()?;
            let permissions = role::united(&roles, role::read_words(&self.own_permissions));
            Ok(Seat {
                organisation: OrganisationId::from_uuid(organisation),
                slug: Slug::parse(&slug)?,
                name: Name::parse(&name)?,
                membership: MembershipId::from_uuid(membership),
                version,
                roles,
                permissions,
                active,
            })
        };
        Some(seat())
    }
}
