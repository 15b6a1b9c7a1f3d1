alter table order_intake
    drop constraint order_intake_cancelled_by,
    drop column cancel_reason,
    drop column cancelled_by;
