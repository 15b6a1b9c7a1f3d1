//! Creates that share a transaction: who is refused, who repeats a key and who comes from another organisation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::{Permission, Role};
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use mediator::{
    Class, Command, Grouped, Mediator, Member, Recorded, Results, Scope, SendError, Tenancy, Tenant, Tx, group_of_one,
};
use persistence::statement;
use testkit::Scene;
use uuid::Uuid;

use crate::{NoteError, Written, once, scene};

/// Writes a note, together with others. `refused` is refused; `poison` fails whatever it is in.
#[derive(Clone, Default)]
struct WriteTogether {
    text: String,
    largest: Arc<AtomicUsize>,
    transactions: Arc<AtomicUsize>,
}

impl Command for WriteTogether {
    const NAME: &'static str = "order.write-together";
    const REQUIRES: Permission = Permission::OrderWrite;
    type Tenancy = Tenant;
    type Reply = Written;
    type Error = NoteError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Written, NoteError> {
        group_of_one(self, tx).await
    }
}

impl Grouped for WriteTogether {
    async fn execute_group<T: Tenancy>(tx: &mut Tx<'_, T>, members: &[Member<'_, Self>]) -> Results<Self> {
        if let Some(first) = members.first() {
            first.command.transactions.fetch_add(1, Ordering::SeqCst);
        }
        for member in members {
            member.command.largest.fetch_max(members.len(), Ordering::SeqCst);
        }
        if members.iter().any(|member| member.command.text == "poison") {
            return Err(NoteError::Storage(persistence::Error::Defect("as the test wants".to_owned())));
        }
        let written: Vec<_> = members.iter().filter(|member| member.command.text != "refused").collect();
        let ids: Vec<Uuid> = members.iter().map(|_| Uuid::now_v7()).collect();
        statement("insert into notes (org_id, id, text) select * from unnest($1, $2, $3)")
            .bind::<Array<SqlUuid>, _>(written.iter().map(|member| member.organisation.uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(&ids[..written.len()])
            .bind::<Array<Text>, _>(written.iter().map(|member| member.command.text.as_str()).collect::<Vec<_>>())
            .execute(tx.connection())
            .await
            .map_err(persistence::Error::from)?;
        // Long enough for the others to come while this transaction runs.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let reply = |(member, id): (&Member<'_, Self>, Uuid)| match member.command.text.as_str() {
            "refused" => Err(NoteError::Refused),
            text => Ok(Written { id, text: text.to_owned() }),
        };
        Ok(members.iter().zip(ids).map(reply).collect())
    }
}

type Sent = Result<Recorded<Written>, SendError<NoteError>>;

/// Sends all of them at once, each with a key of its own; the answers in the same order, and the largest group.
async fn together(mediator: &Mediator, texts: &[&str], scopes: &[Scope]) -> (Vec<Sent>, usize) {
    let largest = Arc::new(AtomicUsize::new(0));
    let sending = texts.iter().zip(scopes.iter().cycle()).enumerate().map(|(number, (text, scope))| {
        let command =
            WriteTogether { text: (*text).to_owned(), largest: Arc::clone(&largest), ..WriteTogether::default() };
        mediator.send_once_grouped(scope, once(&format!("key-{number}"), text), command)
    });
    let answers = futures::future::join_all(sending).await;
    (answers, AtomicUsize::load(&largest, Ordering::SeqCst))
}

async fn notes(scene: &Scene) -> Vec<(String, String)> {
    let rows = scene.superuser().await.query("select org_id::text, text from notes order by text", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_sixteen_is_refused_and_the_others_never_notice() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let texts: Vec<String> = (0..16).map(|n| if n == 7 { "refused".into() } else { format!("note {n:02}") }).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scopes = [scene.scope(&[Role::Owner])];
    let (answers, largest) = together(&mediator, &texts, &scopes).await;
    assert!(largest > 8, "at most {largest} shared a transaction, so this proves nothing");
    for (number, (answer, text)) in answers.into_iter().zip(&texts).enumerate() {
        match answer {
            Ok(recorded) => assert_eq!(recorded.reply.unwrap().text, *text),
            Err(error) => assert!(number == 7 && matches!(error, SendError::Failed(NoteError::Refused)), "{error}"),
        }
    }
    let kept: Vec<String> = notes(&scene).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(kept, texts.iter().filter(|text| **text != "refused").copied().collect::<Vec<_>>());

    // The same keys again: the same bytes, and nothing more is written. The refused one may try again.
    let (again, _) = together(&mediator, &texts, &scopes).await;
    for (number, answer) in again.into_iter().enumerate() {
        match answer {
            Ok(recorded) => assert!(recorded.reply.is_none() && number != 7, "{number} was done twice"),
            Err(error) => assert!(number == 7 && matches!(error, SendError::Failed(NoteError::Refused)), "{error}"),
        }
    }
    assert_eq!(notes(&scene).await.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_the_group_is_tried_for_each_alone() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let texts = ["first", "a", "b", "poison", "c"];
    let (answers, _) = together(&mediator, &texts, &[scene.scope(&[Role::Owner])]).await;
    for (answer, text) in answers.into_iter().zip(texts) {
        match answer {
            Ok(recorded) => assert_eq!(recorded.reply.unwrap().text, text),
            Err(error) => assert!(text == "poison" && mediator::Classified::class(&error) != Class::Refused, "{error}"),
        }
    }
    let kept: Vec<String> = notes(&scene).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(kept, ["a", "b", "c", "first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_writes_each_organisations_note_as_its_own_and_one_key_means_another_thing_to_each() {
    let scene = scene().await;
    let mediator = scene.mediator();
    let mine = scene.scope(&[Role::Owner]);
    let theirs = Scope::of(access::Caller::System { part: "test" }, scene.other_organisation());
    let texts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let (answers, largest) = together(&mediator, &texts, &[mine.clone(), theirs.clone()]).await;
    assert!(largest > 1 && answers.iter().all(Result::is_ok), "{largest}");
    for (owner, text) in notes(&scene).await {
        let scope = if ["a", "c", "e", "g"].contains(&text.as_str()) { &mine } else { &theirs };
        assert_eq!(owner, scope.organisation().uuid().to_string(), "{text}");
    }
    // In the other order each key is new to its organisation.
    let (answers, _) = together(&mediator, &texts, &[theirs, mine]).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|recorded| recorded.reply.is_some())));
    assert_eq!(notes(&scene).await.len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_used_before_undoes_nobody_elses_group() {
    let scene = scene().await;
    let (mediator, scope) = (scene.mediator(), scene.scope(&[Role::Owner]));
    let transactions = Arc::new(AtomicUsize::new(0));
    let send = |key: String| {
        let command =
            WriteTogether { text: "x".to_owned(), largest: Arc::default(), transactions: Arc::clone(&transactions) };
        mediator.send_once_grouped(&scope, once(&key, "body"), command)
    };
    send("used".to_owned()).await.unwrap();
    let keys = (0..16).map(|number| if number % 4 == 0 { "used".to_owned() } else { format!("new-{number}") });
    let answers = futures::future::join_all(keys.map(send)).await;
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|it| it.reply.is_some())).count(), 12);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(notes(&scene).await.len(), 13);
    // One for the first, two or three for the new ones, and one for each of the four that found their key used.
    let transactions = AtomicUsize::load(&transactions, Ordering::SeqCst);
    assert!(transactions < 12, "{transactions} transactions: the groups were undone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_repeats_of_one_key_in_groups_have_one_effect() {
    let scene = scene().await;
    let (mediator, scope) = (scene.mediator(), scene.scope(&[Role::Owner]));
    let sending = (0..100).map(|_| {
        let command = WriteTogether { text: "once".to_owned(), ..WriteTogether::default() };
        mediator.send_once_grouped(&scope, once("key", "body"), command)
    });
    let replies: Vec<Recorded<Written>> =
        futures::future::join_all(sending).await.into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(notes(&scene).await.len(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.reply.is_some()).count(), 1);
    assert!(replies.iter().all(|reply| reply.body == replies[0].body));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_permission_never_joins_a_group() {
    let scene = scene().await;
    let (answers, largest) = together(&scene.mediator(), &["x"], &[scene.scope(&[Role::Viewer])]).await;
    assert!(matches!(answers[0], Err(SendError::Forbidden { permission: Permission::OrderWrite })));
    assert_eq!(largest, 0);
}
