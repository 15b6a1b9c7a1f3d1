//! Fifty organisations through the same two connections, readers and writers cut off in the middle:
//! nobody ever sees or changes a foreign row. And the proof that it is the policy that does it.

use std::collections::HashSet;
use std::time::Instant;

use contracts::order::{Cancelled, Cause, OrderEvent};
use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use futures::FutureExt;
use kernel::{Clock, OrderId, OrganisationId};
use persistence::{Database, Error, Provenance, Tenant, Tenants, statement};
use testkit::Scene;
use uuid::Uuid;

use crate::MIGRATIONS;
use crate::crowd::Crowd;

/// Whose a note is.
#[derive(QueryableByName)]
pub(crate) struct OwnerRow {
    #[diesel(sql_type = SqlUuid)]
    pub(crate) org_id: Uuid,
}

/// Every note that a reader of `organisation` can see; the statement itself names no organisation.
async fn owners(database: &Database, organisation: OrganisationId) -> Result<Vec<Uuid>, Error> {
    let read = database.begin_read(Tenant::new(organisation)).await?;
    read.run(|mut read| {
        async move {
            let rows: Vec<OwnerRow> = statement("select org_id from notes").load(read.connection()).await?;
            Ok(rows.into_iter().map(|row| row.org_id).collect())
        }
        .boxed()
    })
    .await
}

/// Every note that a batch of these organisations can see; the statement itself names none.
async fn owners_in_batch(database: &Database, organisations: &[OrganisationId]) -> Result<HashSet<Uuid>, Error> {
    let tenancy = Tenants::new(organisations.iter().copied());
    let mut transaction = database.begin(tenancy, Provenance::new("test")).await?;
    let rows: Vec<OwnerRow> = statement("select org_id from notes").load(transaction.tx().connection()).await?;
    transaction.rollback().await?;
    Ok(rows.into_iter().map(|row| row.org_id).collect())
}

async fn write(database: &Database, organisation: OrganisationId) -> Result<(), Error> {
    let mut transaction = database.begin(Tenant::new(organisation), Provenance::new("test")).await?;
    statement("insert into notes (org_id, id, text) values ($1, $2, 'a note')")
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .execute(transaction.tx().connection())
        .await?;
    transaction.commit().await
}

/// `(all notes, those that name another writer than their owner)`.
async fn notes(scene: &Scene) -> (usize, usize) {
    let counted = "select count(*), count(*) filter (where text <> org_id::text) from notes";
    let row = scene.superuser().await.query_one(counted, &[]).await.unwrap();
    let number = |at: usize| usize::try_from(row.get::<_, i64>(at)).unwrap();
    (number(0), number(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_a_foreign_row_on_a_shared_connection() {
    const REQUESTS: usize = 100_000;
    let scene = Scene::new("order", MIGRATIONS).await;
    let begun = Instant::now();
    let seen = Crowd::gather(&scene).await.ask(REQUESTS).await;
    let answered = REQUESTS - seen.cut_off;
    println!("{answered} of {REQUESTS} requests were answered in {:.1} s: {seen:?}", begun.elapsed().as_secs_f64());
    assert!(seen.foreign == 0 && seen.failed.is_empty(), "{seen:?}");
    assert!(answered > 85_000 && seen.own > 100_000 && seen.cut_off > 2_000, "that proves little: {seen:?}");
    let (all, of_others) = notes(&scene).await;
    assert_eq!(of_others, 0, "of {all} notes");
    // One that was cut off at its commit may be there or not.
    assert!(all >= 50 + seen.written && all <= 50 + seen.written + seen.cut_off, "{all} notes are there, and {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_policy_or_without_row_level_security_the_same_test_fails() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let superuser = scene.superuser().await;
    superuser.batch_execute("drop policy tenant on notes").await.unwrap();
    assert!(write(&scene.database(), scene.organisation()).await.is_err(), "no policy, no rights");

    superuser.batch_execute("alter table notes disable row level security").await.unwrap();
    let seen = Crowd::gather(&scene).await.ask(1_000).await;
    assert!(seen.foreign > 0, "nothing foreign was seen without a fence: {seen:?}");
    assert!(notes(&scene).await.1 > 0, "nothing foreign was changed without a fence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sees_the_rows_of_its_organisations_and_of_no_other_one() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let database = scene.database();
    let [a, b, c] = [(); 3].map(|()| OrganisationId::new());
    for organisation in [a, b, c] {
        write(&database, organisation).await.unwrap();
    }
    let uuids = |organisations: &[OrganisationId]| organisations.iter().map(|one| one.uuid()).collect::<HashSet<_>>();
    assert_eq!(owners_in_batch(&database, &[a, b]).await.unwrap(), uuids(&[a, b]));
    assert_eq!(owners_in_batch(&database, &[c]).await.unwrap(), uuids(&[c]));
    assert_eq!(owners_in_batch(&database, &[]).await.unwrap(), HashSet::new());
    // The batch's organisations end with its transaction: the next one on this connection sees its own only.
    assert_eq!(owners(&database, c).await.unwrap(), [c.uuid()]);

    let mut transaction = database.begin(Tenants::new([a, b]), Provenance::new("test")).await.unwrap();
    let foreign = statement("insert into notes (org_id, id, text) values ($1, $2, 'x')")
        .bind::<SqlUuid, _>(c.uuid())
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .execute(transaction.tx().connection())
        .await
        .unwrap_err();
    assert!(foreign.to_string().contains("row-level security"), "{foreign}");
    drop(transaction);

    // It is the policy that shows them, and a policy that shows everything is noticed.
    let superuser = scene.superuser().await;
    superuser.batch_execute("drop policy batch on notes").await.unwrap();
    assert_eq!(owners_in_batch(&database, &[a, b]).await.unwrap(), HashSet::new());
    superuser.batch_execute("create policy batch on notes to order_app using (true)").await.unwrap();
    assert_ne!(owners_in_batch(&database, &[a, b]).await.unwrap(), uuids(&[a, b]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_organisation_outside_the_batch_does_not_leave() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let database = scene.database();
    let cancelled = || OrderEvent::Cancelled(Cancelled::new(OrderId::new(), Cause::Staff));
    let mut transaction = database.begin(Tenants::new([scene.organisation()]), Provenance::new("test")).await.unwrap();
    let cause = Provenance::new("test");
    transaction.tx().record_within(scene.organisation(), &cause, Clock::now(), 1, cancelled());
    transaction.tx().record_within(scene.other_organisation(), &cause, Clock::now(), 1, cancelled());
    let refused = transaction.commit().await.unwrap_err();
    assert!(matches!(refused, Error::Defect(_)), "{refused}");
    let rows = scene.superuser().await.query("select 1 from outbox", &[]).await.unwrap();
    assert!(rows.is_empty(), "nothing of that transaction is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_another_organisation_cannot_be_written_either() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let database = scene.database();
    let mut transaction = database.begin(Tenant::new(scene.organisation()), Provenance::new("test")).await.unwrap();
    let refused = statement("insert into notes (org_id, id, text) values ($1, $2, 'x')")
        .bind::<SqlUuid, _>(scene.other_organisation().uuid())
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .execute(transaction.tx().connection())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_cannot_write() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let read = scene.database().begin_read(Tenant::new(scene.organisation())).await.unwrap();
    let refused = read
        .run(|mut read| {
            async move {
                statement("delete from notes").execute(read.connection()).await?;
                Ok::<_, Error>(())
            }
            .boxed()
        })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("read-only"), "{refused}");
}
