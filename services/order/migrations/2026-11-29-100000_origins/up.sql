-- Where orders come from, and their numbers. A replica of the release before that still runs places orders without a number.

-- The last number that each organisation gave to an order.
create table order_numbers (
    org_id  uuid    not null primary key,
    last    bigint  not null check (last > 0)
);
alter table order_numbers enable row level security;
alter table order_numbers force row level security;
create policy tenant on order_numbers to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on order_numbers to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update on order_numbers to order_app;
-- One row per organisation, written again with every group of orders: its page keeps room for the versions that follow.
alter table order_numbers set (fillfactor = 50);

alter table orders no force row level security;
alter table order_numbers no force row level security;
alter table orders
    add column number bigint check (number > 0),
    add column source text not null default 'shop' check (source in ('shop', 'staff', 'import')),
    -- Of an order that was sold elsewhere: the channel's name of it, its word for where it stands, and when it said so.
    add column external_reference text check (length(external_reference) between 1 and 100),
    add column raw_status text check (length(raw_status) between 1 and 100),
    add column raw_status_at timestamptz,
    add column stock_policy text not null default 'update' check (stock_policy in ('update', 'force', 'skip')),
    add column oversold boolean not null default false,
    add constraint orders_import_complete check (
        num_nonnulls(external_reference, raw_status, raw_status_at) = case source when 'import' then 3 else 0 end);
update orders o set number = n.number
from (select org_id, id, 1000 + row_number() over (partition by org_id order by id) as number from orders) n
where n.org_id = o.org_id and n.id = o.id;
insert into order_numbers (org_id, last) select org_id, max(number) from orders group by org_id;
create unique index orders_number on orders (org_id, number);
-- What is imported twice is one order.
create unique index orders_external_reference on orders (org_id, channel, external_reference)
    where external_reference is not null;
-- Nothing is due for it.
update orders set payment_status = 'paid' where total_minor = 0 and payment_status = 'unpaid';
alter table orders force row level security;
alter table order_numbers force row level security;

alter table order_lines
    add column price_source text not null default 'catalog' check (price_source in ('catalog', 'staff', 'channel'));

-- An import writes what happened elsewhere together with its order, for however many organisations.
create policy batch on order_parcels to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy batch on order_returns to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy batch on order_payments to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));

create or replace view searchable_orders as
    select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
           (select h.cause from order_history h where h.org_id = o.org_id and h.order_id = o.id and h.to_status = 'cancelled'
            order by h.version limit 1) as cancel_cause,
           customer_id, version, placed_at, settled_at, updated_at, channel, authorised_minor, paid_minor, refunded_minor,
           number, source, external_reference, raw_status, raw_status_at, stock_policy, oversold
    from orders o where org_id = nullif(current_setting('app.org', true), '')::uuid;
