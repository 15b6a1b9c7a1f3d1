revoke update (pieces) on order_places from catalog_app;
-- The release before knows a hold only, and one of an order and SKU. What was added stays held, and stands in the ledger as a release
-- of the negative number of pieces, which it reads as any other.
alter table movements no force row level security;
alter table ledger_sums no force row level security;
update movements set kind = 'release' where kind = 'extend';
insert into ledger_sums as s (org_id, sku, kind, entries, on_hand, reserved, held, last_at)
    select org_id, sku, 'release', entries, on_hand, reserved, held, last_at from ledger_sums where kind = 'extend'
    on conflict (org_id, sku, kind) do update
    set entries = s.entries + excluded.entries, on_hand = s.on_hand + excluded.on_hand,
        reserved = s.reserved + excluded.reserved, held = s.held + excluded.held,
        last_at = greatest(s.last_at, excluded.last_at);
delete from ledger_sums where kind = 'extend';
alter table ledger_sums force row level security;
alter table movements force row level security;
alter table movements
    drop constraint movements_kind_known,
    add constraint movements_kind_known check (kind in (
        'adjust', 'count', 'transfer', 'reserve', 'hold', 'release', 'expire', 'commit', 'restock')) not valid;
alter table reservations drop column addition;
