alter table replays alter column status drop default;
drop policy housekeeping on replays;
drop policy platform_reading on replays;
drop policy platform on replays;
create policy housekeeping on replays to {service}_system using (true);
drop index replays_key;
-- The owner is bound by the policies too, and none is for it.
alter table replays no force row level security;
delete from replays where org_id is null;
alter table replays force row level security;
alter table replays alter column org_id set not null;
alter table replays add constraint replays_pkey primary key (org_id, principal, operation, idempotency_key);
revoke insert, update, delete on parked_keys from {service}_system;
revoke insert on replays from {service}_system;
revoke insert on outbox from {service}_system;
