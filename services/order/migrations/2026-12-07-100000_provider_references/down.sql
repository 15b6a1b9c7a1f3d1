alter table order_refunds drop column provider_reference;
alter table order_payments drop column provider_reference;
