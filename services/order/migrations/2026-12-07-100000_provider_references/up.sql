-- What a provider calls the money that it moved. Replicas of the release before know no provider that calls it anything.
alter table order_payments add column provider_reference text check (length(provider_reference) between 1 and 100);
alter table order_refunds add column provider_reference text check (length(provider_reference) between 1 and 100);
