drop policy batch on prices;
