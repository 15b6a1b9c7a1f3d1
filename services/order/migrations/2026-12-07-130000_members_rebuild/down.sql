revoke select (org_id) on members from order_system;
drop policy rebuild on members;
revoke delete on members from order_app;
alter table members drop column touched_at;
