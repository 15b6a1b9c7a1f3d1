revoke insert (org_id, user_id, email, name, password_hash, roles, active, created_at) on users from auth_system;
drop policy creation on users;
revoke insert (org_id, slug, name, currency, active, version, created_at) on organisations from auth_system;
drop policy creation on organisations;
revoke delete on signing_keys from auth_system;
revoke select (key_id, public_key, sealed_private_key, version, created_at, signs_from, retired_at),
       insert (key_id, public_key, sealed_private_key, version, created_at, signs_from, retired_at),
       update (version, retired_at)
    on signing_keys from auth_system;
drop policy tending on signing_keys;
drop index signing_keys_key_id;
alter table signing_keys alter column org_id drop default;
