-- Orders, their lines and the history of their transitions.
-- No schema name in here: search_path decides. No row is ever deleted.

create table orders (
    org_id             uuid        not null,
    id                 uuid        not null,
    status             text        not null check (status in ('pending', 'confirmed', 'rejected', 'cancelled')),
    payment_status     text        not null default 'unpaid' check (payment_status in ('unpaid', 'paid')),
    fulfilment_status  text        not null default 'unfulfilled' check (fulfilment_status in ('unfulfilled', 'fulfilled')),
    total_minor        bigint      not null check (total_minor >= 0),
    currency           text        not null check (length(currency) = 3),
    shopper_reference  text        check (length(shopper_reference) <= 200),
    -- sha256 of the order token; the token itself is shown once, in the answer to placing.
    token_digest       bytea       not null check (length(token_digest) = 32),
    -- Why catalog refused, as an array of reasons; null unless rejected.
    reasons            jsonb,
    cancel_cause       text        check (cancel_cause in ('shopper', 'staff', 'deadline', 'reservation-expired')),
    version            bigint      not null check (version >= 1),
    placed_at          timestamptz not null,
    -- Written and compared with the database's clock only.
    deadline_at        timestamptz not null,
    settled_at         timestamptz,
    updated_at         timestamptz not null,
    check ((status = 'rejected') = (reasons is not null)),
    check ((status = 'cancelled') = (cancel_cause is not null)),
    check ((status = 'pending') = (settled_at is null)),
    -- The id is a UUIDv7, so newest first is id descending; what a list shows is included: no visit to the table.
    primary key (org_id, id) include (status, payment_status, fulfilment_status, total_minor, currency, shopper_reference, version, placed_at, updated_at)
);

create index orders_by_status on orders (org_id, status, id)
    include (payment_status, fulfilment_status, total_minor, currency, shopper_reference, version, placed_at, updated_at);

-- What the deadline sweep reads: only orders that are still open stand in it.
create index orders_open on orders (org_id, deadline_at, id) where status = 'pending';

-- Every row is updated once soon after it was written, then almost never again.
alter table orders set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Lines and history are written by the very statement that writes their order and nothing deletes an order,
-- so a foreign key would cost a lookup and a row lock per line and could never fire.
create table order_lines (
    org_id            uuid    not null,
    order_id          uuid    not null,
    position          integer not null check (position >= 0),
    sku               text    not null check (length(sku) between 1 and 64),
    product_id        uuid    not null,
    variant_id        uuid    not null,
    product_version   bigint  not null,
    title             text    not null,
    variant_title     text    not null,
    quantity          bigint  not null check (quantity between 1 and 1000000),
    unit_price_minor  bigint  not null check (unit_price_minor >= 0),
    primary key (org_id, order_id, position)
);

create table order_history (
    org_id       uuid        not null,
    order_id     uuid        not null,
    version      bigint      not null,
    from_status  text,
    to_status    text        not null,
    cause        text        not null,
    actor        text        not null,
    occurred_at  timestamptz not null,
    primary key (org_id, order_id, version)
);

alter table orders enable row level security;
alter table orders force row level security;
create policy tenant on orders to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on orders to order_app;
-- The sweep sees which orders are due and nothing else of them.
create policy sweep on orders for select to order_system using (status = 'pending');
grant select (org_id, id, status, deadline_at) on orders to order_system;

alter table order_lines enable row level security;
alter table order_lines force row level security;
create policy tenant on order_lines to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_lines to order_app;

alter table order_history enable row level security;
alter table order_history force row level security;
create policy tenant on order_history to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_history to order_app;
