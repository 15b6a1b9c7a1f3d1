alter table replays alter column status drop default;
drop index replays_key;
delete from replays where org_id is null;
alter table replays alter column org_id set not null;
alter table replays add constraint replays_pkey primary key (org_id, principal, operation, idempotency_key);
revoke insert, update, delete on parked_keys from {service}_system;
revoke insert on replays from {service}_system;
revoke insert on outbox from {service}_system;
