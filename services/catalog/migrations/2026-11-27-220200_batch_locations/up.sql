-- A batch publishes what locations have, and decides which of them serve an order.
create policy batch on locations for select to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy batch on location_levels for select to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
