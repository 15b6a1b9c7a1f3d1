drop policy batch on organisations;
drop policy batch on deliveries;
