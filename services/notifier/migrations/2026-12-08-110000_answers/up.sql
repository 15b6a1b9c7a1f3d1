-- An answer to a pressed button is told also while its destination is paused or silent. The sender looks for them five times a second,
-- past everything else that waits there.
create index deliveries_answers on deliveries (org_id, destination, id)
    where state = 'pending' and kind = 'action-answered' and destination is not null;

-- Who leaves an organisation is unlinked by the batch that hears of it.
create policy batch on chat_links to notifier_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
