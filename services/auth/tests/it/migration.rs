//! Accounts of the release before, one for each organisation, become people with memberships.

use devstack::DatabaseRole;
use testkit::Scene;

const UP: &str = include_str!("../../migrations/2026-11-27-130000_people/up.sql");
const DOWN: &str = include_str!("../../migrations/2026-11-27-130000_people/down.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_become_people_or_the_migration_says_which_cannot_and_there_is_a_way_back() {
    let scene = Scene::new(auth::NAME, auth::MIGRATIONS).await;
    let (owner, root) = (scene.connect(DatabaseRole::Owner).await, scene.superuser().await);
    let texts = async |query: &str| -> Vec<String> {
        root.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    owner.batch_execute(DOWN).await.unwrap();
    root.batch_execute(
        "insert into organisations (org_id, slug, name, currency, active, version, created_at)
             select gen_random_uuid(), slug, initcap(slug), 'USD', true, 1, now() from unnest(array['chairs', 'lamps']) as slug;
         insert into users (org_id, user_id, email, name, password_hash, roles, active, created_at, last_login_at)
             select o.org_id, gen_random_uuid(), u.email || '@x.example', u.email, '$argon2id$' || o.slug, u.roles, u.active,
                    now(), now()
               from (values ('lamps', 'ana', array['owner'], true), ('lamps', 'max', array['manager'], true),
                            ('lamps', 'mia', array['manager', 'viewer'], true), ('lamps', 'ina', array['viewer'], false),
                            ('lamps', 'bob', array['viewer'], true), ('chairs', 'bob', array['owner'], true))
                    as u(slug, email, roles, active)
               join organisations o using (slug)",
    )
    .await
    .unwrap();
    let accounts =
        "select slug || ' ' || email || ' ' || roles::text || ' ' || users.active from users join organisations
                     using (org_id) order by 1";
    let before = texts(accounts).await;

    let refused = owner.batch_execute(UP).await.unwrap_err();
    let said = refused.as_db_error().unwrap();
    assert!(said.message().contains("bob@x.example") && !said.message().contains("ana@"), "{said}");
    assert!(said.hint().unwrap().contains("active = false"), "{said}");
    assert_eq!(texts(accounts).await, before, "nothing was changed");

    root.batch_execute("update users set active = false where password_hash = '$argon2id$chairs'").await.unwrap();
    owner.batch_execute(UP).await.unwrap();
    assert_eq!(
        texts("select email || ' ' || password_hash from people order by 1").await,
        ["ana", "bob", "max", "mia"].map(|name| format!("{name}@x.example $argon2id$lamps")),
    );
    let places = "select slug || ' ' || p.name || ' ' || m.roles::text from memberships m join people p using (user_id)
                    join organisations using (org_id) order by 1";
    assert_eq!(
        texts(places).await,
        [
            "lamps ana {owner}",
            "lamps bob {viewer}",
            "lamps max {catalog-manager,order-manager}",
            "lamps mia {catalog-manager,order-manager,viewer}",
        ],
    );

    owner.batch_execute(DOWN).await.unwrap();
    let back = [("ana", "owner"), ("bob", "viewer"), ("max", "manager"), ("mia", "manager")];
    assert_eq!(texts(accounts).await, back.map(|(name, role)| format!("lamps {name}@x.example {{{role}}} true")));
}
