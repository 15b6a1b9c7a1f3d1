-- What a guest said with an order that somebody claimed later is that person's, and goes with them.
grant update (buyer_id) on order_contacts to order_app;
