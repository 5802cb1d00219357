-- name: create
-- State, not a read model: how often somebody tried, so that a restart forgets no guess.
select pg_advisory_xact_lock(4015726);
create schema if not exists desk;
create table if not exists desk.tries (
    key text primary key,
    tries integer not null,
    at timestamptz not null,
    until timestamptz not null
);
create index if not exists tries_by_time on desk.tries (at);

-- name: take
-- Counts a try before it is known how it ends, so that many at once don't slip through; no row: one must wait still.
-- Tries come a little out of order: where nobody waits, `until` is no moment that an earlier one could lie before.
insert into desk.tries as known (key, tries, at, until) values (%(key)s, 1, %(now)s, '-infinity')
on conflict (key) do update set (tries, at, until) = (
    select counted.tries, %(now)s, case when counted.tries < %(free)s then '-infinity' else %(now)s + make_interval(
        secs => least(%(longest)s, %(first)s * power(%(factor)s, least(counted.tries - %(free)s, 40)))
    ) end
    from (select case when known.at < %(forgotten)s then 1 else known.tries + 1 end as tries) as counted
)
where known.until <= %(now)s
returning known.tries;

-- name: until
select until from desk.tries where key = %(key)s and until > %(now)s;

-- name: forget
delete from desk.tries where key = any(%(keys)s);

-- name: give_back
update desk.tries set tries = greatest(tries - 1, 0), until = '-infinity' where key = any(%(keys)s);

-- name: prune
delete from desk.tries where at < %(before)s and until < %(before)s;
