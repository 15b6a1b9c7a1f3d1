//! Every key that verifiers know. Who signs needs the sealed private half as well; HTTP shows the public one only.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{KeyId, Timestamp};
use mediator::Query;
use persistence::ReadConn;
use uuid::Uuid;

use crate::{
    domain::{SigningKey, SigningKeys},
    error::Error,
    schema::signing_keys,
};

/// Asks for the platform's signing keys.
#[derive(Debug, Clone, Copy)]
pub struct ListSigningKeys;

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    key_id: Uuid,
    public_key: Vec<u8>,
    sealed_private_key: Vec<u8>,
    version: i64,
    created_at: Timestamp,
    signs_from: Timestamp,
    retired_at: Option<Timestamp>,
}

impl Query for ListSigningKeys {
    const NAME: &'static str = "auth.list-signing-keys";
    const REQUIRES: Permission = Permission::SignIn;
    type Reply = SigningKeys;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<SigningKeys, Error> {
        let organisation = read.organisation().uuid();
        let rows: Vec<Row> = signing_keys::table
            .filter(signing_keys::org_id.eq(organisation))
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        let keys = rows.into_iter().map(SigningKey::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(SigningKeys::restore(keys))
    }
}

impl TryFrom<Row> for SigningKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let kid = KeyId::from_uuid(row.key_id);
        let public_key = row.public_key.try_into().map_err(|_| Error::Corrupt {
            what: format!("signing key {kid}"),
            reason: "the public key must have 32 bytes".to_owned(),
        })?;
        Ok(Self {
            kid,
            public_key,
            sealed_private_key: row.sealed_private_key,
            version: row.version,
            created_at: row.created_at,
            signs_from: row.signs_from,
            retired_at: row.retired_at,
        })
    }
}
