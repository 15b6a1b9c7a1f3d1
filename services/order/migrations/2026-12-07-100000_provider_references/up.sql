-- What a provider calls the money that it moved. Replicas of the release before know no provider that calls it anything. No row has one
-- yet, so none is read to check it.
alter table order_payments add column provider_reference text;
alter table order_payments add constraint order_payments_provider_reference
    check (length(provider_reference) between 1 and 100) not valid;
alter table order_refunds add column provider_reference text;
alter table order_refunds add constraint order_refunds_provider_reference
    check (length(provider_reference) between 1 and 100) not valid;
