-- name: create
-- The webhook log: every authentic delivery that left an event, with what became of it. Its raw body is in the log, at
-- that position.
-- `became` and `attempts` are what came of reading it again; most never are.
create table deliveries (
    position bigint primary key,
    source_id uuid,
    external_id text not null,
    outcome text not null,
    kind text not null,
    reason text not null,
    aggregate_id uuid not null,
    version integer not null,
    at timestamptz not null,
    became jsonb not null default '[]',
    attempts jsonb not null default '[]'
);

-- name: index
-- Nearly everything is taken in: what is not is found by small indexes of its own.
create index deliveries_by_time on deliveries (at, position);
create index deliveries_by_source on deliveries (source_id, at, position);
create index deliveries_by_outcome on deliveries (outcome, at, position) where outcome <> 'taken';
create index deliveries_by_source_outcome on deliveries (source_id, outcome, at, position) where outcome <> 'taken';

-- name: insert_deliveries
insert into deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, version, at)
select position, source_id, external_id, outcome, kind, reason, aggregate_id, version, at
from json_to_recordset(%(rows)s::json) as r(
    position bigint, source_id uuid, external_id text, outcome text, kind text, reason text, aggregate_id uuid,
    version integer, at timestamptz);

-- name: update_deliveries
-- It was read again: what came of that is added, and the outcome changes if there is a new one.
update deliveries set
    outcome = coalesce(r.outcome, deliveries.outcome),
    kind = coalesce(r.kind, deliveries.kind),
    reason = coalesce(r.reason, deliveries.reason),
    became = deliveries.became || coalesce(r.became, '[]'),
    attempts = deliveries.attempts || coalesce(r.attempts, '[]')
from json_to_recordset(%(rows)s::json) as r(
    position bigint, outcome text, kind text, reason text, became jsonb, attempts jsonb)
where deliveries.position = r.position;

-- name: one
select * from deliveries where position = %(position)s;

-- name: older
-- Reads are planned for their own values, so a filter that is null falls away. A cursor names a row, which knows its
-- time.
select * from deliveries
where (%(outcome)s::text is null or outcome = %(outcome)s)
    and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
    and (at, position) < (
        coalesce((select at from deliveries where position = %(position)s), 'infinity'), %(position)s::bigint)
order by at desc, position desc limit %(limit)s;

-- name: newer
-- The same list read the other way.
select * from deliveries
where (%(outcome)s::text is null or outcome = %(outcome)s)
    and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
    and (at, position) > (
        coalesce((select at from deliveries where position = %(position)s), '-infinity'), %(position)s::bigint)
order by at, position limit %(limit)s;

-- name: older_of_sources
-- From each source as many as the page takes, each by its own index.
select near.* from unnest(%(sources)s::uuid[]) as wanted(id) cross join lateral (
    select * from deliveries
    where source_id = wanted.id and (%(outcome)s::text is null or outcome = %(outcome)s)
        and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
        and (at, position) < (
            coalesce((select at from deliveries where position = %(position)s), 'infinity'), %(position)s::bigint)
    order by at desc, position desc limit %(limit)s) as near
order by at desc, position desc limit %(limit)s;

-- name: newer_of_sources
-- The same list read the other way.
select near.* from unnest(%(sources)s::uuid[]) as wanted(id) cross join lateral (
    select * from deliveries
    where source_id = wanted.id and (%(outcome)s::text is null or outcome = %(outcome)s)
        and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
        and (at, position) > (
            coalesce((select at from deliveries where position = %(position)s), '-infinity'), %(position)s::bigint)
    order by at, position limit %(limit)s) as near
order by at, position limit %(limit)s;
