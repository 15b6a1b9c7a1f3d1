//! Organisations that share two connections for reading and two for writing, and ask for as much as the wall lets them.
//! The rule it keeps: no statement names an organisation where the policy alone should.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures::FutureExt;
use kernel::OrganisationId;
use persistence::{Database, Error, Provenance, Tenant, statement};
use testkit::Scene;
use uuid::Uuid;

use crate::tenants::OwnerRow;

/// Members who ask at the same time.
const AT_ONCE: usize = 24;
/// Waits of a request: for a connection, and for the answers of the server.
const WAITS: usize = 4;

/// What a request does in its one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    ReadLatest,
    ReadOne,
    Write,
    Overwrite,
}

const WORKS: [Work; 4] = [Work::ReadLatest, Work::ReadOne, Work::Write, Work::Overwrite];

/// The latest notes that this connection shows; the statement itself names no organisation.
async fn latest(mut connection: &AsyncPgConnection) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<OwnerRow> =
        statement("select org_id from notes order by id desc limit 5").load(&mut connection).await?;
    Ok(rows.into_iter().map(|row| row.org_id).collect())
}

/// The owner of the note with this id, where this connection shows it.
async fn owner(mut connection: &AsyncPgConnection, note: Uuid) -> Result<Vec<Uuid>, Error> {
    let found = statement("select org_id from notes where id = $1").bind::<SqlUuid, _>(note);
    let rows: Vec<OwnerRow> = found.load(&mut connection).await?;
    Ok(rows.into_iter().map(|row| row.org_id).collect())
}

/// Writes a note that names its writer; sees nothing.
async fn note(mut connection: &AsyncPgConnection, member: OrganisationId) -> Result<Vec<Uuid>, Error> {
    statement("insert into notes (org_id, id, text) values ($1, $2, $1::uuid::text)")
        .bind::<SqlUuid, _>(member.uuid())
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .execute(&mut connection)
        .await?;
    Ok(Vec::new())
}

/// Writes its writer's name into the note with this id, where this connection shows it: the owner.
async fn overwrite(mut connection: &AsyncPgConnection, member: OrganisationId, note: Uuid) -> Result<Vec<Uuid>, Error> {
    let changed = statement("update notes set text = $1::uuid::text where id = $2 returning org_id")
        .bind::<SqlUuid, _>(member.uuid())
        .bind::<SqlUuid, _>(note);
    let rows: Vec<OwnerRow> = changed.load(&mut connection).await?;
    Ok(rows.into_iter().map(|row| row.org_id).collect())
}

/// One request: the owners of what it saw.
async fn answer(database: &Database, member: OrganisationId, work: Work, known: Uuid) -> Result<Vec<Uuid>, Error> {
    if matches!(work, Work::ReadLatest | Work::ReadOne) {
        let read = database.begin_read(Tenant::new(member)).await?;
        let found =
            read.run(move |mut read| async move { perform(read.connection(), member, work, known).await }.boxed());
        return found.await;
    }
    let mut transaction = database.begin(Tenant::new(member), Provenance::new("test")).await?;
    let seen = perform(transaction.tx().connection(), member, work, known).await?;
    transaction.commit().await?;
    Ok(seen)
}

async fn perform(
    connection: &AsyncPgConnection,
    member: OrganisationId,
    work: Work,
    known: Uuid,
) -> Result<Vec<Uuid>, Error> {
    match work {
        Work::ReadLatest => latest(connection).await,
        Work::ReadOne => owner(connection, known).await,
        Work::Write => note(connection, member).await,
        Work::Overwrite => overwrite(connection, member, known).await,
    }
}

/// The future's output, or nothing when it waits once more after so many waits: then it is dropped where it stands.
async fn cut_off<T>(waits: usize, work: impl Future<Output = T>) -> Option<T> {
    let (mut work, mut waited) = (pin!(work), 0);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// A number below `bound` that follows from `seed` and looks as if it did not (splitmix64).
fn number(seed: usize, bound: usize) -> usize {
    let mixed = u64::try_from(seed).unwrap().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = usize::try_from(mixed ^ (mixed >> 31)).unwrap();
    mixed % bound
}

/// Fifty organisations.
pub(crate) struct Crowd {
    database: Database,
    organisations: Vec<OrganisationId>,
    /// A note of each, known to all.
    notes: Vec<Uuid>,
}

/// What they saw and did.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Notes of whoever asked.
    pub(crate) own: usize,
    /// Notes of somebody else, read or changed.
    pub(crate) foreign: usize,
    /// Notes whose writer was told that they are there.
    pub(crate) written: usize,
    /// Requests that were cut off.
    pub(crate) cut_off: usize,
    /// Requests that were refused, and why.
    pub(crate) failed: Vec<String>,
}

impl Seen {
    fn note(&mut self, member: OrganisationId, work: Work, outcome: Option<Result<Vec<Uuid>, Error>>) {
        match outcome {
            Some(Ok(owners)) => {
                let own = owners.iter().filter(|owner| **owner == member.uuid()).count();
                self.own += own;
                self.foreign += owners.len() - own;
                self.written += usize::from(work == Work::Write);
            }
            Some(Err(error)) => self.failed.push(error.to_string()),
            None => self.cut_off += 1,
        }
    }

    fn with(mut self, other: Seen) -> Seen {
        self.own += other.own;
        self.foreign += other.foreign;
        self.written += other.written;
        self.cut_off += other.cut_off;
        self.failed.extend(other.failed);
        self
    }
}

impl Crowd {
    /// Fifty organisations with a note each.
    pub(crate) async fn gather(scene: &Scene) -> Crowd {
        let organisations: Vec<OrganisationId> = (0..50).map(|_| OrganisationId::new()).collect();
        let notes: Vec<Uuid> = organisations.iter().map(|_| Uuid::now_v7()).collect();
        let owners: Vec<String> = organisations.iter().map(|organisation| organisation.uuid().to_string()).collect();
        let ids: Vec<String> = notes.iter().map(Uuid::to_string).collect();
        let each = "insert into notes select o::uuid, n::uuid, o from unnest($1::text[], $2::text[]) as t (o, n)";
        scene.superuser().await.query(each, &[&owners, &ids]).await.unwrap();
        Crowd { database: scene.database(), organisations, notes }
    }

    /// So many requests, each a transaction of a random member; every tenth is cut off at a random moment.
    pub(crate) async fn ask(self, requests: usize) -> Seen {
        let (crowd, next) = (Arc::new(self), Arc::new(AtomicUsize::new(0)));
        let mut members = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (crowd, next) = (Arc::clone(&crowd), Arc::clone(&next));
            members.spawn(async move {
                let mut seen = Seen::default();
                loop {
                    let request = next.fetch_add(1, Ordering::Relaxed);
                    if request >= requests {
                        return seen;
                    }
                    crowd.one(request, &mut seen).await;
                }
            });
        }
        members.join_all().await.into_iter().fold(Seen::default(), Seen::with)
    }

    async fn one(&self, request: usize, seen: &mut Seen) {
        let random = |salt: usize, bound: usize| number(request * 8 + salt, bound);
        let (member, other) = (random(0, self.organisations.len()), random(1, self.organisations.len()));
        let (member, known) = (self.organisations[member], self.notes[other]);
        let work = WORKS[random(2, WORKS.len())];
        let waits = if random(3, 10) == 0 { random(4, WAITS) } else { usize::MAX };
        seen.note(member, work, cut_off(waits, answer(&self.database, member, work, known)).await);
    }
}
