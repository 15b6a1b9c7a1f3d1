-- SKUs whose availability has changed since it was last published. A transaction that changes a level leaves a mark with it;
-- whoever publishes removes it in the transaction that records the event, so no crash loses one. A SKU that everybody wants has
-- one mark, however many orders change it.
create table availability_marks (
    org_id uuid not null,
    sku text collate "C" not null,
    -- When the first change since the last publication came. A mark rests a while, so that the changes of a rush are one record.
    marked_at timestamptz not null default clock_timestamp(),
    -- When what shoppers are shown changed last, and the product whose cached page says otherwise.
    turned_at timestamptz,
    product_id uuid,
    constraint availability_marks_pkey primary key (org_id, sku),
    constraint availability_marks_product_known check (turned_at is null or product_id is not null)
)
-- Rows come and go all the time, and there are few.
with (autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

alter table availability_marks enable row level security;
alter table availability_marks force row level security;
create policy tenant on availability_marks to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on availability_marks to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update, delete on availability_marks to catalog_app;
-- The system finds marks; a batch of their organisations publishes.
create policy system on availability_marks for select to catalog_system using (true);
grant select on availability_marks to catalog_system;

-- Nothing of what there is has been published, and cached products say nothing of it. The owner has to see and write the rows
-- of every organisation for once.
alter table stock no force row level security;
alter table variants no force row level security;
alter table availability_marks no force row level security;
insert into availability_marks (org_id, sku, turned_at, product_id)
    select s.org_id, s.sku, clock_timestamp(), v.product_id
    from stock s join variants v on v.org_id = s.org_id and v.variant_id = s.variant_id;
alter table availability_marks force row level security;
alter table variants force row level security;
alter table stock force row level security;
