-- A batch is about several organisations at once and sees their rows together: those named in app.orgs, which only lives
-- as long as the batch's transaction. The subselect is evaluated once per statement, not once per row.
create policy batch on replays to {service}_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
