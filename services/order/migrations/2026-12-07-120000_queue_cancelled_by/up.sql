-- Who cancelled what waited for its turn, and why. A replica of the release before cancels without saying so.
alter table order_intake
    add column cancelled_by  text check (length(cancelled_by) between 1 and 200),
    add column cancel_reason text check (length(cancel_reason) between 1 and 1000),
    add constraint order_intake_cancelled_by check (status = 'cancelled' or num_nonnulls(cancelled_by, cancel_reason) = 0);
grant update (cancelled_by, cancel_reason) on order_intake to order_app;
