-- Confirmed orders get more than they had. The release before holds nothing for an addition, and passes over it.

-- The last addition to the order that was decided, so that one that comes again is not decided again.
alter table reservations add column addition bigint not null default 0,
    add constraint reservations_addition_counted check (addition >= 0);

-- What is there keeps the narrower rule of before.
alter table movements
    drop constraint movements_kind_known,
    add constraint movements_kind_known check (kind in (
        'adjust', 'count', 'transfer', 'reserve', 'hold', 'extend', 'release', 'expire', 'commit', 'restock')) not valid;

-- A place that serves an order may give it more.
grant update (pieces) on order_places to catalog_app;
