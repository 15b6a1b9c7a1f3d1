alter table sellable drop column other_prices;
