drop trigger sum_ledger on movements;
drop function sum_ledger;
drop table ledger_sums;
