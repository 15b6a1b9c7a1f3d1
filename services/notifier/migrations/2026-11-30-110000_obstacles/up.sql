-- Why nothing can be told: on the row of the bot that Telegram does not know its token, on that of a chat that the bot may
-- not write to it. Every replica says so, whichever of them was refused.
alter table budgets add column obstacle text;
