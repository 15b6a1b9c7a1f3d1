-- Pieces leave with parcels and come back. What the release before wrote fits these rules as well.
alter table movements
    drop constraint movements_kind_known,
    drop constraint movements_order_stated,
    add constraint movements_kind_known
        check (kind in ('adjust', 'count', 'transfer', 'reserve', 'hold', 'release', 'expire', 'commit', 'restock')) not valid,
    add constraint movements_order_stated check ((kind in ('adjust', 'count', 'transfer')) = (order_id is null)) not valid;

-- An order reserves, holds and loses a SKU at most once each. It leaves in as many parcels as there are pieces, and what is cancelled
-- or comes back does so bit by bit: the reservation counts what moved of each line.
drop index movements_once_per_order;
create unique index movements_once_per_order on movements (org_id, order_id, sku, kind)
    where order_id is not null and kind in ('reserve', 'hold', 'expire');
