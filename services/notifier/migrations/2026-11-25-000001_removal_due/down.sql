drop index deliveries_removal_due;
