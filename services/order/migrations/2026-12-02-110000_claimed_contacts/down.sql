revoke update (buyer_id) on order_contacts from order_app;
