-- The whole life of an order: its pieces are counted per line, its money is recorded, and the history says why each change came.
-- Orders of before keep what they were. A replica of the release before that still runs writes neither the new columns nor the new
-- statuses, and `reasons` and `cancel_cause` stay for them alone. What those two say stands in the history.

alter table orders no force row level security;
alter table order_lines no force row level security;
alter table order_history no force row level security;

alter table orders
    drop constraint orders_status_check,
    drop constraint orders_payment_status_check,
    drop constraint orders_fulfilment_status_check,
    -- These tied the reasons and the cause to the status of the moment.
    drop constraint orders_check,
    drop constraint orders_check1,
    add constraint orders_status_known check (status in (
        'pending', 'confirmed', 'on-hold', 'packed', 'shipped', 'delivered', 'completed', 'cancel-requested', 'cancelled',
        'return-requested', 'returned', 'rejected')),
    add constraint orders_payment_status_known check (payment_status in (
        'unpaid', 'authorised', 'partly-paid', 'paid', 'partly-refunded', 'refunded')),
    add constraint orders_fulfilment_status_known check (fulfilment_status in (
        'unfulfilled', 'partly-fulfilled', 'fulfilled', 'partly-returned', 'returned')),
    add column channel text not null default 'shop' check (length(channel) between 1 and 32),
    -- What the status does not say while something else comes first.
    add column held boolean not null default false,
    add column completed boolean not null default false,
    -- Sums of the payments and refunds.
    add column authorised_minor bigint not null default 0 check (authorised_minor >= 0),
    add column paid_minor bigint not null default 0,
    add column refunded_minor bigint not null default 0,
    add constraint orders_refunds_were_paid check (refunded_minor between 0 and paid_minor);

alter table order_lines
    -- What one piece cost the seller when it was ordered, where that was known.
    add column cost_minor bigint check (cost_minor >= 0),
    add column discount_minor bigint not null default 0 check (discount_minor >= 0),
    add column tax_minor bigint not null default 0 check (tax_minor >= 0),
    add column shipping_minor bigint not null default 0 check (shipping_minor >= 0),
    -- Pieces since the beginning, each number with those that went on. What is reserved follows: ordered, less cancelled, less
    -- shipped, while the order stands.
    add column packed bigint not null default 0,
    add column shipped bigint not null default 0,
    add column delivered bigint not null default 0,
    add column cancelled bigint not null default 0,
    add column return_requested bigint not null default 0,
    add column returned bigint not null default 0,
    add column written_off bigint not null default 0;
update order_lines l set cancelled = quantity
from orders o where o.org_id = l.org_id and o.id = l.order_id and o.status = 'cancelled';
-- No release of before shipped or was paid; whoever did it by hand meant this.
update order_lines l set packed = quantity, shipped = quantity
from orders o where o.org_id = l.org_id and o.id = l.order_id and o.status = 'confirmed' and o.fulfilment_status = 'fulfilled';
update orders set status = 'shipped' where status = 'confirmed' and fulfilment_status = 'fulfilled';
update orders set paid_minor = total_minor where payment_status = 'paid';
alter table order_lines
    -- The last defence: the program decides before these do.
    add constraint order_lines_no_step_skipped check (packed <= quantity - cancelled and shipped <= packed and delivered <= shipped),
    add constraint order_lines_only_arrived_come_back check (return_requested + returned <= delivered and written_off <= returned),
    add constraint order_lines_nothing_negative check (
        least(shipped, delivered, cancelled, return_requested, returned, written_off) >= 0);
grant update (packed, shipped, delivered, cancelled, return_requested, returned, written_off) on order_lines to order_app;

alter table order_history
    -- What was told of it: `packed`, `lines-cancelled`. The cause says what led to it.
    add column event text,
    add column payment_status text,
    add column fulfilment_status text,
    -- Why, in somebody's words.
    add column reason text check (length(reason) <= 1000),
    -- The event of another service that led to it.
    add column source_event uuid,
    -- The pieces, the parcel, the return, the money, catalog's reasons, the note.
    add column details jsonb not null default '{}';
update order_history set event = case when from_status is null then 'placed' else to_status end,
    payment_status = 'unpaid', fulfilment_status = 'unfulfilled';
update order_history h set details = jsonb_build_object('reasons', o.reasons)
from orders o where o.org_id = h.org_id and o.id = h.order_id and h.to_status = 'rejected' and o.reasons is not null;

alter table orders force row level security;
alter table order_lines force row level security;
alter table order_history force row level security;

create table order_parcels (
    org_id           uuid        not null,
    order_id         uuid        not null,
    id               uuid        not null,
    carrier          text        check (length(carrier) between 1 and 100),
    tracking_number  text        check (length(tracking_number) between 1 and 100),
    -- [{"sku": …, "quantity": …}]
    lines            jsonb       not null,
    shipped_at       timestamptz not null,
    delivered_at     timestamptz,
    primary key (org_id, order_id, id)
);
-- A parcel that is reported twice is one parcel.
create unique index order_parcels_tracking on order_parcels (org_id, order_id, coalesce(carrier, ''), tracking_number)
    where tracking_number is not null;
alter table order_parcels enable row level security;
alter table order_parcels force row level security;
create policy tenant on order_parcels to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_parcels to order_app;
grant update (delivered_at) on order_parcels to order_app;

create table order_returns (
    org_id        uuid        not null,
    order_id      uuid        not null,
    id            uuid        not null,
    status        text        not null check (status in ('requested', 'approved', 'declined', 'received')),
    reason        text        check (length(reason) <= 1000),
    lines         jsonb       not null,
    restocked     jsonb       not null default '[]',
    written_off   jsonb       not null default '[]',
    requested_at  timestamptz not null,
    settled_at    timestamptz,
    primary key (org_id, order_id, id)
);
alter table order_returns enable row level security;
alter table order_returns force row level security;
create policy tenant on order_returns to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_returns to order_app;
grant update (status, restocked, written_off, settled_at) on order_returns to order_app;

-- Append only: what was paid and given back stays as it was recorded.
create table order_payments (
    org_id        uuid        not null,
    order_id      uuid        not null,
    id            uuid        not null,
    kind          text        not null check (kind in ('authorised', 'received')),
    provider      text        not null,
    method        text        not null check (length(method) between 1 and 100),
    reference     text        check (length(reference) between 1 and 100),
    amount_minor  bigint      not null check (amount_minor > 0),
    actor         text        not null,
    recorded_at   timestamptz not null,
    primary key (org_id, order_id, id)
);
alter table order_payments enable row level security;
alter table order_payments force row level security;
create policy tenant on order_payments to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_payments to order_app;
-- Somebody marked these as paid by hand. Without a payment nothing of it could be given back.
alter table orders no force row level security;
alter table order_payments no force row level security;
insert into order_payments (org_id, order_id, id, kind, provider, method, amount_minor, actor, recorded_at)
    select org_id, id, gen_random_uuid(), 'received', 'manual', 'unknown', total_minor, 'system:migration', updated_at
    from orders where payment_status = 'paid' and total_minor > 0;
alter table order_payments force row level security;
alter table orders force row level security;

create table order_refunds (
    org_id        uuid        not null,
    order_id      uuid        not null,
    id            uuid        not null,
    payment_id    uuid        not null,
    method        text        not null check (length(method) between 1 and 100),
    reference     text        check (length(reference) between 1 and 100),
    amount_minor  bigint      not null check (amount_minor > 0),
    actor         text        not null,
    recorded_at   timestamptz not null,
    primary key (org_id, order_id, id)
);
alter table order_refunds enable row level security;
alter table order_refunds force row level security;
create policy tenant on order_refunds to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert on order_refunds to order_app;

alter table sellable add column cost_minor bigint;

-- The cause of a cancellation stands in the history: the first entry that led to it.
create policy view_owner on order_history for select to order_owner using (true);
create or replace view searchable_orders as
    select id, status, payment_status, fulfilment_status, total_minor, currency, shopper_reference,
           (select h.cause from order_history h where h.org_id = o.org_id and h.order_id = o.id and h.to_status = 'cancelled'
            order by h.version limit 1) as cancel_cause,
           customer_id, version, placed_at, settled_at, updated_at, channel, authorised_minor, paid_minor, refunded_minor
    from orders o where org_id = nullif(current_setting('app.org', true), '')::uuid;
create or replace view searchable_order_lines as
    select order_id, position, sku, product_id, variant_id, title, quantity, unit_price_minor, packed, shipped, delivered,
           cancelled, return_requested, returned, written_off
    from order_lines where org_id = nullif(current_setting('app.org', true), '')::uuid;
