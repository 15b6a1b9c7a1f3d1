-- How an organisation sells from its stock. One without a row has the settings of the program.
create table stock_settings (
    org_id uuid not null,
    serving_rule text not null,
    version bigint not null,
    updated_at timestamptz not null,
    constraint stock_settings_pkey primary key (org_id),
    constraint stock_settings_rule_known
        check (serving_rule in ('priority-then-most-available', 'most-available', 'single-location-first')),
    constraint stock_settings_version_positive check (version > 0)
);
alter table stock_settings enable row level security;
alter table stock_settings force row level security;
create policy tenant on stock_settings to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on stock_settings for select to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update on stock_settings to catalog_app;

-- Which places serve an order, decided when its stock is reserved. Rows go when the order gives its stock back. Whoever writes one
-- has locked the stock row of its SKU.
create table order_places (
    org_id uuid not null,
    order_id uuid not null,
    sku text collate "C" not null,
    -- `default` is the location that has what no other has.
    location text collate "C" not null,
    pieces bigint not null,
    constraint order_places_pkey primary key (org_id, order_id, sku, location),
    constraint order_places_pieces_positive check (pieces > 0)
);
alter table order_places enable row level security;
alter table order_places force row level security;
create policy tenant on order_places to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on order_places to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, delete on order_places to catalog_app;

-- The sum of the pieces in `order_places`. More than there are, where pieces went elsewhere after an order was to have them.
alter table location_levels
    add column promised bigint not null default 0,
    add constraint location_levels_promised_not_negative check (promised >= 0);
create policy batch_promise on location_levels for update to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
