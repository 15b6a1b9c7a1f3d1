revoke select (placed_at) on orders from order_system;
