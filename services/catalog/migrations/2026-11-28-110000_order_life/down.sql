-- The release before knows no return: what came back was found by somebody. It releases and commits a SKU of an order once; what was
-- done bit by bit stays in the ledger, so the index that says so holds for what comes.
alter table movements no force row level security;
update movements set kind = 'adjust', order_id = null where kind = 'restock';
alter table movements force row level security;
drop index movements_once_per_order;
create unique index movements_once_per_order on movements (org_id, order_id, sku, kind)
    where order_id is not null and kind in ('reserve', 'hold', 'expire');
alter table movements
    drop constraint movements_kind_known,
    drop constraint movements_order_stated,
    add constraint movements_kind_known
        check (kind in ('adjust', 'count', 'transfer', 'reserve', 'hold', 'release', 'expire', 'commit')) not valid,
    add constraint movements_order_stated check ((kind in ('adjust', 'count', 'transfer')) = (order_id is null)) not valid;
