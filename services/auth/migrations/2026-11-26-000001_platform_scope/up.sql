-- Creating an organisation and tending the signing keys belong to no organisation, so the system role does both. It gets
-- the columns and rows that they take and nothing else; row-level security stays forced.
--
-- During a rolling update, replicas of the release before still create organisations and tend the keys as auth_app, the
-- keys under the nil id. So auth_app keeps its rights for now. A later release takes its rights on signing_keys and its
-- insert on organisations and users away, and drops signing_keys.org_id.

alter table signing_keys alter column org_id set default '00000000-0000-0000-0000-000000000000';
create unique index signing_keys_key_id on signing_keys (key_id);

create policy tending on signing_keys to auth_system using (true) with check (true);
grant select (key_id, public_key, sealed_private_key, version, created_at, signs_from, retired_at),
      insert (key_id, public_key, sealed_private_key, version, created_at, signs_from, retired_at),
      update (version, retired_at)
    on signing_keys to auth_system;
grant delete on signing_keys to auth_system;

-- A new organisation is active and in its first version, and its first user is an owner.
create policy creation on organisations for insert to auth_system with check (active and version = 1);
grant insert (org_id, slug, name, currency, active, version, created_at) on organisations to auth_system;
create policy creation on users for insert to auth_system with check (active and roles = array['owner']);
grant insert (org_id, user_id, email, name, password_hash, roles, active, created_at) on users to auth_system;
