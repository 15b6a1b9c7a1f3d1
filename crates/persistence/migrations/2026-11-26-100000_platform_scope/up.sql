-- What belongs to no organisation is written by the system role like everything else: with events, with recorded replies,
-- and with parked keys, which are the consumer's and nobody's in particular.
grant insert on outbox to {service}_system;
grant insert on replays to {service}_system;
grant insert, update, delete on parked_keys to {service}_system;

-- The reply of a platform command has no organisation.
alter table replays drop constraint replays_pkey;
alter table replays alter column org_id drop not null;
create unique index replays_key on replays (org_id, principal, operation, idempotency_key) nulls not distinct;

-- Status and location are the door's to derive; the body is what was recorded. Replicas of the release before still write
-- and read both columns during a rolling update; a later release drops them.
alter table replays alter column status set default 201;
