drop table budgets;
drop table organisations;
drop table deliveries;
