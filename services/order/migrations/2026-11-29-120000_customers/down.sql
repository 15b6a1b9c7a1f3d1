revoke update (reason) on order_history from order_app;
drop view searchable_order_contacts;
drop view searchable_buyers;
drop table order_contacts;
drop table buyers;
drop function search_text(text);
drop function fold(text);
