-- What the ledger of a SKU adds up to, by the kinds of its movements, so that nobody reads millions of them to explain a level.
-- The database adds each movement in the statement that appends it, whichever release of the program that is. A SKU's movements
-- come one transaction after the other, since whoever appends one has locked its stock row: so nobody waits here.
create table ledger_sums (
    org_id uuid not null,
    sku text collate "C" not null,
    kind text not null,
    entries bigint not null,
    on_hand bigint not null,
    reserved bigint not null,
    held bigint not null,
    last_at timestamptz not null,
    constraint ledger_sums_pkey primary key (org_id, sku, kind),
    constraint ledger_sums_are_of_movements check (entries > 0)
)
-- Room in the page keeps the updates off the index.
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

alter table ledger_sums enable row level security;
alter table ledger_sums force row level security;
create policy tenant on ledger_sums to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on ledger_sums to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- Nothing is ever taken out of the ledger.
grant select, insert, update on ledger_sums to catalog_app;

create function sum_ledger() returns trigger
    language plpgsql set search_path from current
    as $$
begin
    insert into ledger_sums as s (org_id, sku, kind, entries, on_hand, reserved, held, last_at)
    select org_id, sku, kind, count(*), sum(on_hand_delta), sum(reserved_delta), sum(held_delta), max(occurred_at)
    from appended group by org_id, sku, kind order by org_id, sku, kind
    on conflict (org_id, sku, kind) do update
    set entries = s.entries + excluded.entries, on_hand = s.on_hand + excluded.on_hand,
        reserved = s.reserved + excluded.reserved, held = s.held + excluded.held,
        last_at = greatest(s.last_at, excluded.last_at);
    return null;
end
$$;

-- From here to the end of the transaction nothing is appended, so that no movement is counted twice or not at all.
create trigger sum_ledger after insert on movements referencing new table as appended
    for each statement execute function sum_ledger();

-- The owner has to see and write the rows of every organisation for once.
alter table movements no force row level security;
alter table ledger_sums no force row level security;
insert into ledger_sums (org_id, sku, kind, entries, on_hand, reserved, held, last_at)
    select org_id, sku, kind, count(*), sum(on_hand_delta), sum(reserved_delta), sum(held_delta), max(occurred_at)
    from movements group by org_id, sku, kind;
alter table ledger_sums force row level security;
alter table movements force row level security;
