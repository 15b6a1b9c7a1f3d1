drop view searchable_stock;
-- The release before knows adjustments only. Nothing may be short any more: where it is, orders are cancelled or pieces received
-- first, or this fails.
alter table movements no force row level security;
alter table stock no force row level security;
update movements set kind = 'adjust' where kind in ('count', 'transfer');
alter table stock
    drop constraint stock_never_oversold,
    drop column may_be_short,
    drop column promised_on,
    drop column backorder_limit,
    drop column safety_stock,
    drop constraint stock_on_hand_not_negative,
    add constraint stock_never_oversold check (on_hand >= reserved + held);
alter table movements
    drop constraint movements_kind_known,
    drop constraint movements_order_stated,
    add constraint movements_kind_known
        check (kind in ('adjust', 'reserve', 'hold', 'release', 'expire', 'commit')),
    add constraint movements_order_stated check ((kind = 'adjust') = (order_id is null));
alter table stock force row level security;
alter table movements force row level security;
create view searchable_stock as
    select * from stock where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_stock to catalog_app;
