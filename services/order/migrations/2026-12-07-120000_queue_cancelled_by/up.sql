-- Who cancelled what waited for its turn, and why. A replica of the release before cancels without saying so. No row has one yet, so
-- none is read to check it.
alter table order_intake add column cancelled_by text, add column cancel_reason text;
alter table order_intake
    add constraint order_intake_canceller check (length(cancelled_by) between 1 and 200) not valid,
    add constraint order_intake_cancel_reason check (length(cancel_reason) between 1 and 1000) not valid,
    add constraint order_intake_cancelled_by
        check (status = 'cancelled' or num_nonnulls(cancelled_by, cancel_reason) = 0) not valid;
grant update (cancelled_by, cancel_reason) on order_intake to order_app;
