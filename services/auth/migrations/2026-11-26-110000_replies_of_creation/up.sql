-- The release before recorded the reply of a creation under the id of the new organisation. This one records it under
-- no organisation. The recorded replies are copied, so that a request from before the update can be repeated after it.
-- The originals stay for replicas of the release before, and go when they are past their time.
--
-- During a rolling update, replicas of the two releases do not find the replies that the others record from now on. A
-- repeat that reaches the other release is refused with organisation-already-created and creates nothing. That is
-- accepted.

-- The owner is bound by the policies too, and none is for it.
alter table replays no force row level security;
insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, location, body, created_at)
    select null::uuid, principal, operation, idempotency_key, request_digest, status, location, body, created_at
      from replays
     where operation = 'auth.create-organisation' and org_id is not null
        on conflict do nothing;
alter table replays force row level security;
