-- A queued order can be cancelled before its turn, and queued orders count as open ones. A replica of the release before places and
-- refuses as it did: it never sets the new status, and passes over the turn of what was cancelled.
alter table order_intake
    drop constraint order_intake_status_check,
    add constraint order_intake_status_known check (status in ('queued', 'placed', 'refused', 'cancelled'));
-- Whose orders wait, and from where: what placing and queueing count.
create index order_intake_of_customer on order_intake (org_id, customer_id) where status = 'queued' and customer_id is not null;
create index order_intake_from on order_intake (org_id, placed_from) where status = 'queued' and placed_from is not null;
