alter table orders drop constraint orders_pkey,
    add constraint orders_pkey primary key (org_id, id) include (status, payment_status, fulfilment_status, total_minor, currency, shopper_reference, version, placed_at, updated_at);
drop index orders_by_status;
create index orders_by_status on orders (org_id, status, id)
    include (payment_status, fulfilment_status, total_minor, currency, shopper_reference, version, placed_at, updated_at);
