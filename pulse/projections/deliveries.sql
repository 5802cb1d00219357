-- name: create
-- The webhook log: every authentic delivery that left an event, with what became of it. Its raw body is in the log, at that position.
create table deliveries (
    position bigint primary key,
    source_id uuid,
    external_id text not null,
    outcome text not null,
    kind text not null,
    reason text not null,
    aggregate_id uuid not null,
    at timestamptz not null
);

-- name: index
create index deliveries_by_source on deliveries (source_id, position);
create index deliveries_by_outcome on deliveries (outcome, position);

-- name: insert_deliveries
insert into deliveries (position, source_id, external_id, outcome, kind, reason, aggregate_id, at)
select position, source_id, external_id, outcome, kind, reason, aggregate_id, at
from json_to_recordset(%(rows)s::json) as r(
    position bigint, source_id uuid, external_id text, outcome text, kind text, reason text, aggregate_id uuid,
    at timestamptz);

-- name: older
-- Reads are planned for their own values, so a filter that is null falls away.
select * from deliveries
where (%(source)s::uuid is null or source_id = %(source)s) and (%(outcome)s::text is null or outcome = %(outcome)s)
    and position < %(position)s
order by position desc limit %(limit)s;

-- name: newer
-- The same list read the other way.
select * from deliveries
where (%(source)s::uuid is null or source_id = %(source)s) and (%(outcome)s::text is null or outcome = %(outcome)s)
    and position > %(position)s
order by position limit %(limit)s;
