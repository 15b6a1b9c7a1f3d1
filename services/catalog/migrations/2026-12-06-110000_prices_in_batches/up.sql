-- A batch of orders is held against the prices of their sales channels. Nobody's batch writes one.
create policy batch on prices for select to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
