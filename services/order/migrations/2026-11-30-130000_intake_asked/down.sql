alter table order_intake drop column asked_at;
