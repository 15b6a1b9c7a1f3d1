//! What is past its time goes, however much of it there is, and nothing else does.

use persistence::prune;
use testkit::Scene;

use crate::MIGRATIONS;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_time_is_removed_in_chunks_and_the_rest_stays() {
    let scene = Scene::new("order", MIGRATIONS).await;
    let superuser = scene.superuser().await;
    superuser
        .batch_execute(&format!(
            "insert into inbox (consumer, event_id, processed_at)
               select 'old', gen_random_uuid(), now() - interval '46 days' from generate_series(1, 45000);
             insert into inbox (consumer, event_id, processed_at)
               select 'young', gen_random_uuid(), now() - interval '44 days' from generate_series(1, 3);
             insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, body, created_at)
               select '{}', 'p', 'o', 'key ' || hours, '', 201, '', now() - make_interval(hours => hours)
               from generate_series(23, 26) as hours;",
            scene.organisation().uuid()
        ))
        .await
        .unwrap();
    let database = scene.database();
    // Two replicas may do it at once.
    let (one, other) = tokio::join!(prune(&database), prune(&database));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.inbox + other.inbox, one.replays + other.replays), (45_000, 3), "{one:?} {other:?}");
    let left = superuser
        .query_one("select (select count(*) from inbox where consumer = 'young'), (select count(*) from replays)", &[])
        .await
        .unwrap();
    assert_eq!((left.get::<_, i64>(0), left.get::<_, i64>(1)), (3, 1));
}
