-- How the seller sells a SKU: what is kept back, and what may be sold beyond what is there.
alter table stock
    add column safety_stock bigint not null default 0,
    -- Pieces that may be sold beyond what is there: 0 is none, null is any number.
    add column backorder_limit bigint default 0,
    -- The day by which backordered pieces are there.
    add column promised_on date,
    -- Orders may have been promised more than is there, by such terms or because a count found less. Never set by what orders do,
    -- so that the constraint below is their last defence.
    add column may_be_short boolean not null default false,
    add constraint stock_on_hand_not_negative check (on_hand >= 0),
    add constraint stock_safety_not_negative check (safety_stock >= 0),
    add constraint stock_backorder_not_negative check (backorder_limit >= 0),
    add constraint stock_backorder_promised check (backorder_limit is not null or promised_on is not null),
    add constraint stock_backorder_may_be_short check (may_be_short or (backorder_limit = 0) is true),
    drop constraint stock_never_oversold,
    add constraint stock_never_oversold check (may_be_short or on_hand >= reserved + held);

-- What is there keeps the narrower rules of before, so nobody has to read the ledger for these.
alter table movements
    drop constraint movements_kind_known,
    drop constraint movements_order_stated,
    add constraint movements_kind_known
        check (kind in ('adjust', 'count', 'transfer', 'reserve', 'hold', 'release', 'expire', 'commit')) not valid,
    -- Adjustments, counts and transfers are nobody's order; everything else is somebody's.
    add constraint movements_order_stated check ((kind in ('adjust', 'count', 'transfer')) = (order_id is null)) not valid;

create or replace view searchable_stock as
    select * from stock where org_id = nullif(current_setting('app.org', true), '')::uuid;
