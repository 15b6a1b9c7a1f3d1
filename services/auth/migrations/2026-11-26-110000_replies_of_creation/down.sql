-- Only the copies go. What this release recorded itself has no original.
-- The owner is bound by the policies too, and none is for it.
alter table replays no force row level security;
delete from replays copied
      using replays original
      where copied.org_id is null
        and copied.operation = 'auth.create-organisation'
        and original.org_id is not null
        and original.principal = copied.principal
        and original.operation = copied.operation
        and original.idempotency_key = copied.idempotency_key;
alter table replays force row level security;
