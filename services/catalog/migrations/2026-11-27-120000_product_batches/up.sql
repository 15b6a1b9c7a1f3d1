-- Products of several organisations are created in one transaction. `batch` lets it read what it writes.
create policy batch_insert on products for insert to catalog_app
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy batch_insert on variants for insert to catalog_app
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
