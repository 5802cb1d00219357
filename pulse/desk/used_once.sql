-- name: create
-- State, not a read model: a row per state or signature that was used, for as long as it could be used again.
-- Several may come first at once, and "if not exists" alone doesn't keep them apart.
select pg_advisory_xact_lock(4015726);
create schema if not exists desk;
create table if not exists desk.used_once (
    used bytea primary key,
    expires_at timestamptz not null
);
create index if not exists used_once_by_end on desk.used_once (expires_at);

-- name: take
-- A row only for the first of all who come with it.
insert into desk.used_once (used, expires_at) values (%(used)s, %(expires_at)s)
on conflict do nothing returning used;

-- name: prune
delete from desk.used_once where expires_at < %(now)s;
