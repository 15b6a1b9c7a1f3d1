drop policy batch on replays;
