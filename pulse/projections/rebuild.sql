-- name: clear
-- What an interrupted rebuild left behind.
drop schema if exists read_next cascade;

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
