-- What belongs to no organisation is written by the system role like everything else: with events, with recorded replies,
-- and with parked keys, which are the consumer's and nobody's in particular.
grant insert on outbox to {service}_system;
grant insert on replays to {service}_system;
grant insert, update, delete on parked_keys to {service}_system;

-- The reply of a platform command has no organisation.
alter table replays drop constraint replays_pkey;
alter table replays alter column org_id drop not null;
create unique index replays_key on replays (org_id, principal, operation, idempotency_key) nulls not distinct;
-- Of the organisations' replies the system role sees and removes only those that are past their time.
drop policy housekeeping on replays;
create policy platform on replays for insert to {service}_system with check (org_id is null);
create policy platform_reading on replays for select to {service}_system
    using (org_id is null or created_at < now() - interval '24 hours');
create policy housekeeping on replays for delete to {service}_system
    using (created_at < now() - interval '24 hours');

-- Status and location are the door's to derive; the body is what was recorded. During a rolling update, replicas of the
-- release before still write and read both columns: they repeat a reply that this release recorded without its Location. A
-- later release drops the columns.
alter table replays alter column status set default 201;
