-- What variants cost at other times than now and in other channels than the shop, and what they ever cost: prices for a while,
-- and the changes of base prices. Rows are never deleted, and of what they say only the end is written later.
create table prices (
    org_id uuid not null,
    -- A UUIDv7: later entries sort after earlier ones.
    price_id uuid not null,
    product_id uuid not null,
    variant_id uuid not null,
    -- 'base': the base price became this at valid_from; 'window': a price for a while.
    kind text not null,
    -- Nothing means every channel.
    channel text collate "C",
    amount_minor bigint not null,
    currency text not null,
    -- What the base price was before, {"amount":"…","currency":"…"}: a product may change its currency.
    former jsonb,
    valid_from timestamptz not null,
    valid_until timestamptz,
    created_at timestamptz not null,
    created_by text not null,
    ended_at timestamptz,
    ended_by text,
    -- A window that its product has not yet left behind.
    open boolean not null,
    -- When the sweep has to look at it next.
    next_boundary timestamptz,
    constraint prices_pkey primary key (org_id, price_id),
    constraint prices_kind_known check (kind in ('base', 'window')),
    constraint prices_amount_not_negative check (amount_minor >= 0),
    constraint prices_end_after_they_begin check (valid_until > valid_from),
    constraint prices_former_stated check ((kind = 'base') = (former is not null)),
    constraint prices_base_is_everywhere check (kind = 'window' or (channel is null and valid_until is null and not open)),
    constraint prices_end_is_whole check ((ended_at is null) = (ended_by is null) and (ended_at is null or not open)),
    constraint prices_swept_while_open check (open or next_boundary is null)
);

create index prices_of_variant on prices (org_id, variant_id, price_id);
create index prices_open on prices (org_id, product_id) where open;
-- The sweep asks for the next moments of all organisations.
create index prices_due on prices (next_boundary) where next_boundary is not null;

alter table prices enable row level security;
alter table prices force row level security;
create policy tenant on prices to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update (ended_at, ended_by, open, next_boundary) on prices to catalog_app;
-- The sweep finds prices that begin or end; what follows is an ordinary command in their organisation.
create policy system on prices for select to catalog_system using (true);
grant select on prices to catalog_system;

-- What a variant costs in the shop at its product's last change, where that is not its base price. A replica of the release
-- before does not know it and writes the base price only.
alter table variants
    add column shop_price_minor bigint,
    add constraint variants_shop_price_not_negative check (shop_price_minor >= 0);

create or replace view searchable_variants as
    select * from variants where org_id = nullif(current_setting('app.org', true), '')::uuid;
