//! The roles that an organisation's people can have.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::Slug;
use mediator::{Query, ReadConn, Tenant};

use crate::{
    domain::{
        RoleName, RoleView,
        role::{self, read_words, words},
    },
    error::Error,
    schema::roles,
};

/// Asks for the built-in roles and the organisation's own.
#[derive(Debug, Clone, Copy)]
pub struct ListRoles;

#[derive(Queryable, Selectable)]
#[diesel(table_name = roles, check_for_backend(diesel::pg::Pg))]
struct Row {
    name: String,
    permissions: Vec<String>,
    version: i64,
}

impl Query for ListRoles {
    const NAME: &'static str = "auth.list-roles";
    const REQUIRES: Permission = Permission::MemberRead;
    type Tenancy = Tenant;
    type Reply = Vec<RoleView>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let rows: Vec<Row> = roles::table
            .filter(roles::org_id.eq(read.organisation().uuid()))
            .order(roles::name)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        role::built_in().map(Ok).chain(rows.into_iter().map(Row::view)).collect()
    }
}

impl Row {
    fn view(self) -> Result<RoleView, Error> {
        let name = Slug::parse(&self.name);
        let name = name.map_err(|malformed| Error::corrupt(format_args!("role {}", self.name), &malformed))?;
        let permissions = words(read_words(&self.permissions));
        Ok(RoleView { name: RoleName::Own(name), built_in: false, permissions, version: self.version })
    }
}
