-- What the bot is asked about orders and stock is answered from here: the notifier's own copy of order.order.v1 and
-- catalog.availability.v1. Nothing in it is about the person who ordered.
create table orders (
    org_id      uuid        not null,
    id          uuid        not null,
    -- As people say it; none in what an older release of order said.
    number      bigint,
    status      text        not null check (length(status) between 1 and 40),
    payment     text        not null check (length(payment) between 1 and 40),
    fulfilment  text        not null check (length(fulfilment) between 1 and 40),
    channel     text        not null check (length(channel) between 1 and 64),
    currency    text        not null check (length(currency) = 3),
    total_minor bigint      not null,
    -- The first lines, and how many there are.
    lines       jsonb       not null,
    line_count  integer     not null,
    -- None while that it was placed has not arrived.
    placed_at   timestamptz,
    -- When the newest event of it happened: it is forgotten a while after that.
    said_at     timestamptz not null,
    version     bigint      not null,
    primary key (org_id, id)
);
create index orders_by_number on orders (org_id, number);
create index orders_by_placing on orders (org_id, placed_at) where placed_at is not null;
create index orders_forgetting_due on orders (said_at);

alter table orders enable row level security;
alter table orders force row level security;
create policy tenant on orders to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on orders to notifier_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- The system forgets what is old, and sees of it no more than it needs for that.
create policy forgetting on orders to notifier_system using (true);
grant select, insert, update on orders to notifier_app;
-- `update` only to lock what is to be deleted.
grant select (org_id, id, said_at), update (said_at), delete on orders to notifier_system;

-- What can be sold of a variant. The row of one that is gone stays, so that an older state that comes late does not bring it
-- back.
create table stocks (
    org_id       uuid    not null,
    variant_id   uuid    not null,
    removed      boolean not null,
    sku          text    not null check (length(sku) between 0 and 64),
    availability text    not null check (length(availability) between 0 and 40),
    sellable     bigint  not null,
    available    bigint  not null,
    on_hand      bigint  not null,
    version      bigint  not null,
    primary key (org_id, variant_id)
);
create index stocks_by_sku on stocks (org_id, upper(sku)) where not removed;

alter table stocks enable row level security;
alter table stocks force row level security;
create policy tenant on stocks to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on stocks to notifier_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
grant select, insert, update on stocks to notifier_app;
