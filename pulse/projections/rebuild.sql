-- name: clear
-- What an interrupted rebuild left behind.
drop schema if exists read_next cascade;

-- name: hold
-- Until this transaction ends nobody writes the live tables. Reading goes on.
do $$
begin
    if to_regclass('read.checkpoint') is not null then
        lock table read.checkpoint in share row exclusive mode;
    end if;
end $$;

-- name: swap
-- A rename of schemas: statements find the new tables by the same names.
drop schema if exists read_old cascade;
do $$
begin
    if to_regnamespace('read') is not null then
        alter schema read rename to read_old;
    end if;
end $$;
alter schema read_next rename to read;

-- name: drop_old
drop schema if exists read_old cascade;
