-- The time before which a delivery is not told: quiet hours, digests and floods. A replica of the release before writes and asks
-- for none, so what it handles is told at once.
alter table deliveries add column not_before timestamptz not null default 'epoch';
-- It is one of a flood, which is counted and not spelled out.
alter table deliveries add column collapsed boolean not null default false;
-- The sender looks five times a second, past what waits for its time.
create index deliveries_due on deliveries (org_id, destination, not_before, id)
    where state = 'pending' and destination is not null;
create index deliveries_due_system on deliveries (not_before, id) where state = 'pending' and destination is null;
drop index deliveries_pending_of;
drop index deliveries_pending_system;
