-- What staff adds to orders of which nothing is packed: catalog is asked first, for all of it at once.
create table order_additions (
    org_id        uuid        not null,
    order_id      uuid        not null,
    -- 1, 2, 3 … of each order.
    number        bigint      not null check (number >= 1),
    state         text        not null check (state in ('open', 'given', 'refused')),
    -- [{"sku": …, "product": …, "variant": …, "product_version": …, "quantity": …, "unit_price": …, "cost": …, "begins": …}], one entry
    -- per SKU; what a new line begins with stands in "begins".
    lines         jsonb       not null,
    reason        text        check (length(reason) <= 1000),
    -- Why it was refused.
    reasons       jsonb       not null default '[]',
    actor         text        not null,
    requested_at  timestamptz not null,
    settled_at    timestamptz,
    primary key (org_id, order_id, number),
    constraint order_additions_settled check ((state = 'open') = (settled_at is null))
);
-- The next one is asked for when the last one has been answered.
create unique index order_additions_one_open on order_additions (org_id, order_id) where state = 'open';
alter table order_additions enable row level security;
alter table order_additions force row level security;
create policy tenant on order_additions to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- Catalog's answers are taken in batches.
create policy batch on order_additions to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert on order_additions to order_app;
grant update (state, reasons, settled_at) on order_additions to order_app;

-- Whether one is open: whoever locks an order knows by this whether there is anything to read.
alter table orders add column adding boolean not null default false;
-- More pieces of a line.
grant update (quantity) on order_lines to order_app;
