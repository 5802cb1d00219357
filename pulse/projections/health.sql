-- name: create
-- A row per source, and one per reply that waits, of which `pending` keeps count.
create table health (
    source_id uuid primary key,
    delivery_position bigint,
    delivery_at timestamptz,
    event_position bigint,
    event_at timestamptz,
    event_type text,
    error text,
    error_position bigint,
    error_at timestamptz,
    pending integer not null default 0
);
create table pending_replies (
    chat_id uuid not null,
    version integer not null,
    source_id uuid not null,
    at timestamptz not null,
    primary key (chat_id, version)
);

-- name: index
create index pending_replies_by_age on pending_replies (source_id, at);

-- name: close_replies
with gone as (
    delete from pending_replies using json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer)
    where pending_replies.chat_id = r.chat_id and pending_replies.version = r.version
    returning pending_replies.source_id),
counted as (select source_id, count(*) as number from gone group by source_id)
update health set pending = health.pending - counted.number from counted where health.source_id = counted.source_id;

-- name: open_replies
with new as (
    insert into pending_replies (chat_id, version, source_id, at)
    select chat_id, version, source_id, at
    from json_to_recordset(%(rows)s::json) as r(
        chat_id uuid, version integer, source_id uuid, at timestamptz, closed boolean)
    where not closed
    on conflict (chat_id, version) do nothing
    returning source_id)
insert into health (source_id, pending)
select source_id, count(*) from new group by source_id
on conflict (source_id) do update set pending = health.pending + excluded.pending;

-- name: change_health
insert into health (
    source_id, delivery_position, delivery_at, event_position, event_at, event_type, error, error_position, error_at)
select source_id, delivery_position, delivery_at, event_position, event_at, event_type, error, error_position, error_at
from json_to_recordset(%(rows)s::json) as r(
    source_id uuid, delivery_position bigint, delivery_at timestamptz, event_position bigint, event_at timestamptz,
    event_type text, error text, error_position bigint, error_at timestamptz)
on conflict (source_id) do update set
    delivery_position = coalesce(excluded.delivery_position, health.delivery_position),
    delivery_at = coalesce(excluded.delivery_at, health.delivery_at),
    event_position = excluded.event_position,
    event_at = excluded.event_at,
    event_type = excluded.event_type,
    error = coalesce(excluded.error, health.error),
    error_position = coalesce(excluded.error_position, health.error_position),
    error_at = coalesce(excluded.error_at, health.error_at);

-- name: of
select health.*, (
    select at from pending_replies where pending_replies.source_id = health.source_id order by at limit 1) as oldest_at
from health where source_id = %(source_id)s;

-- name: of_all
select health.*, (
    select at from pending_replies where pending_replies.source_id = health.source_id order by at limit 1) as oldest_at
from health;
