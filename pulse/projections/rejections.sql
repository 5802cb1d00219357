-- name: create
-- Deliveries that left no event: not authentic, repeated, or only live. Outside the log, bounded, a sample.
create schema if not exists trace;
create table if not exists rejections (
    number bigint generated always as identity primary key,
    source text not null,
    outcome text not null,
    reason text not null,
    body text not null,
    suppressed integer not null,
    at timestamptz not null default now()
);

-- name: insert
with new as (
    insert into rejections (source, outcome, reason, body, suppressed)
    values (%(source)s, %(outcome)s, %(reason)s, %(body)s, %(suppressed)s) returning number)
delete from rejections where number <= (select number from new) - %(kept)s;

-- name: older
-- Shaped like the webhook log; what is told of a refusal is why, of anything else which delivery it was.
select number, source as source_id, case outcome when 'refused' then '' else reason end as external_id, outcome,
    case outcome when 'refused' then reason else '' end as reason, body as raw, suppressed, at
from trace.rejections
where (%(sources)s::uuid[] is null or source = any (%(sources)s::uuid[]::text[])) and outcome = %(outcome)s
    and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
    and number < %(position)s
order by number desc limit %(limit)s;

-- name: newer
-- The same list read the other way.
select number, source as source_id, case outcome when 'refused' then '' else reason end as external_id, outcome,
    case outcome when 'refused' then reason else '' end as reason, body as raw, suppressed, at
from trace.rejections
where (%(sources)s::uuid[] is null or source = any (%(sources)s::uuid[]::text[])) and outcome = %(outcome)s
    and at >= coalesce(%(since)s::timestamptz, '-infinity') and at < coalesce(%(until)s::timestamptz, 'infinity')
    and number > %(position)s
order by number limit %(limit)s;
