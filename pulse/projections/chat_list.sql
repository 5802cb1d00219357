-- name: page
-- The lanes offer places of chats in the list's order, from a cursor on; some are looked at, and those that fit are shown.
-- The first columns tell how far it looked, also where nothing fits. `seen` is the reader's mark, looked up row by row.
with near as materialized (
    {lanes}
), places as materialized (
    select major, place from near where (major, place) {before} (%(major)s::bigint, %(place)s::bigint)
    order by major {down}, place {down} limit %(scan)s
), looked as (
    select (select count(*) from near) as near, (select count(*) from places) as looked,
        far.major as far_major, far.place as far_place
    from (select 1) as one left join (select major, place from places offset %(scan)s - 1 limit 1) as far on true
)
select looked.*, chat.* from looked left join lateral (
    select inbox.*, mark.seen
    from inbox cross join lateral (select coalesce((
        select seen from marks where moderator_id = %(person)s and marks.chat_id = inbox.chat_id), 0) as seen) as mark
    where -inbox.last_position = any (array(select -place from places))
        and (%(everything)s or department_id = any (%(reach)s::uuid[]) or holder_id = %(person)s)
        and status = any (%(statuses)s::text[])
        and (%(department)s::uuid is null or department_id = %(department)s)
        and (%(sources)s::uuid[] is null or source_id = any (%(sources)s))
        and (%(customer)s::uuid is null or customer_id = %(customer)s)
        and (%(holder)s::uuid is null or holder_id = %(holder)s)
        and (%(priority)s::text is null or priority = %(priority)s)
        and (%(tag)s::text is null or %(tag)s = any (tags))
        and (not %(free)s or holder_id is null)
        and (not %(unread)s or unread_by_staff > 0)
        and (not %(waiting)s or waiting_since is not null)
        and (not %(unseen)s or messages > greatest(mark.seen, messages_at_close))
        and (%(text)s::text is null or {called})
    order by {row_major} {down}, last_position {down} limit %(limit)s
) as chat on true;

-- name: everywhere
select 0::bigint as major, near.place from unnest(%(statuses)s::text[]) as lane(status) cross join lateral (
    select last_position as place from inbox where status = lane.status and last_position + 0 {before} %(place)s
    order by last_position + 0 {down} limit %(scan)s) as near

-- name: departments
select 0::bigint as major, near.place
from unnest(%(departments)s::uuid[]) as mine(id) cross join unnest(%(statuses)s::text[]) as lane(status)
cross join lateral (
    select last_position as place from inbox
    where department_id = mine.id and status = lane.status and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: held
select 0::bigint as major, near.place from unnest(%(statuses)s::text[]) as lane(status) cross join lateral (
    select last_position as place from inbox
    where holder_id = %(held_by)s and status = lane.status and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: sources
select 0::bigint as major, near.place
from unnest(%(sources)s::uuid[]) as lane(id) cross join unnest(%(statuses)s::text[]) as mine(status)
cross join lateral (
    select last_position as place from inbox
    where source_id = lane.id and status = mine.status and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: tagged
select 0::bigint as major, near.place from (
    select last_position as place from tagged where tag = %(tag)s and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: free_everywhere
select 0::bigint as major, near.place from (
    select last_position as place from inbox
    where holder_id is null and status <> 'closed' and last_position + 0 {before} %(place)s
    order by last_position + 0 {down} limit %(scan)s) as near

-- name: free_departments
select 0::bigint as major, near.place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
    select last_position as place from inbox
    where department_id = mine.id and holder_id is null and status <> 'closed' and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: unread_everywhere
select 0::bigint as major, near.place from (
    select last_position as place from inbox where unread_by_staff > 0 and last_position + 0 {before} %(place)s
    order by last_position + 0 {down} limit %(scan)s) as near

-- name: unread_departments
select 0::bigint as major, near.place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
    select last_position as place from inbox
    where department_id = mine.id and unread_by_staff > 0 and last_position {before} %(place)s
    order by last_position {down} limit %(scan)s) as near

-- name: waiting_everywhere
select (extract(epoch from near.since) * 1000000)::bigint as major, near.place from (
    select waiting_since as since, last_position as place from inbox
    where waiting_since is not null and (waiting_since, last_position) {before} (%(since)s, %(place)s)
    order by waiting_since {down}, last_position {down} limit %(scan)s) as near

-- name: waiting_departments
select (extract(epoch from near.since) * 1000000)::bigint as major, near.place
from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
    select waiting_since as since, last_position as place from inbox
    where department_id = mine.id and waiting_since is not null
        and (waiting_since, last_position) {before} (%(since)s, %(place)s)
    order by waiting_since {down}, last_position {down} limit %(scan)s) as near

-- name: urgent_everywhere
select lane.rank as major, near.place
from unnest(%(priorities)s::text[], %(ranks)s::bigint[], %(bounds)s::bigint[]) as lane(priority, rank, bound)
cross join lateral (
    select last_position as place from inbox
    where priority = lane.priority and status <> 'closed' and last_position {before} lane.bound
    order by last_position {down} limit %(scan)s) as near

-- name: urgent_departments
select lane.rank as major, near.place
from unnest(%(departments)s::uuid[]) as mine(id)
cross join unnest(%(priorities)s::text[], %(ranks)s::bigint[], %(bounds)s::bigint[]) as lane(priority, rank, bound)
cross join lateral (
    select last_position as place from inbox
    where department_id = mine.id and priority = lane.priority and status <> 'closed'
        and last_position {before} lane.bound
    order by last_position {down} limit %(scan)s) as near

-- name: all_held
-- Whatever of a list somebody holds, in any order: one holds few. Of more than `held`, those with the newest words.
select {row_major} as major, last_position as place from unnest(%(statuses)s::text[]) as lane(status) cross join lateral (
    select priority, waiting_since, last_position, unread_by_staff from inbox
    where holder_id = %(held_by)s and status = lane.status
    order by last_position desc limit %(held)s) as mine
where (not %(unread)s or unread_by_staff > 0) and (not %(waiting)s or waiting_since is not null)
    and (%(priority)s::text is null or priority = %(priority)s)

-- name: all_of_customer
select {row_major} as major, last_position as place from (
    select priority, waiting_since, last_position from inbox where customer_id = %(customer)s
    order by last_position desc limit %(held)s) as theirs

-- name: called_everywhere
-- Chats whose name, peer or last word begins so: as many of each lane as may be looked at, in any order.
select {row_major} as major, last_position as place
from unnest(%(statuses)s::text[]) as lane(status)
cross join lateral (
    (select priority, waiting_since, last_position from inbox
    where status = lane.status and lower(left(name, 64) collate pg_c_utf8) {begins}
    order by lower(left(name, 64) collate pg_c_utf8) limit %(scan)s)
    union
    (select priority, waiting_since, last_position from inbox
    where status = lane.status and lower(left(peer, 64) collate pg_c_utf8) {begins}
    order by lower(left(peer, 64) collate pg_c_utf8) limit %(scan)s)
    union
    (select priority, waiting_since, last_position from inbox
    where status = lane.status and lower(left(last_text, 64) collate pg_c_utf8) {begins}
    order by lower(left(last_text, 64) collate pg_c_utf8) limit %(scan)s)) as called

-- name: called_departments
select {row_major} as major, last_position as place
from unnest(%(departments)s::uuid[]) as mine(id) cross join unnest(%(statuses)s::text[]) as lane(status)
cross join lateral (
    (select priority, waiting_since, last_position from inbox
    where department_id = mine.id and status = lane.status and lower(left(name, 64) collate pg_c_utf8) {begins}
    order by lower(left(name, 64) collate pg_c_utf8) limit %(scan)s)
    union
    (select priority, waiting_since, last_position from inbox
    where department_id = mine.id and status = lane.status and lower(left(peer, 64) collate pg_c_utf8) {begins}
    order by lower(left(peer, 64) collate pg_c_utf8) limit %(scan)s)
    union
    (select priority, waiting_since, last_position from inbox
    where department_id = mine.id and status = lane.status and lower(left(last_text, 64) collate pg_c_utf8) {begins}
    order by lower(left(last_text, 64) collate pg_c_utf8) limit %(scan)s)) as called

-- name: called_held
select {row_major} as major, last_position as place from unnest(%(statuses)s::text[]) as lane(status) cross join lateral (
    select priority, waiting_since, last_position, name, peer, last_text from inbox
    where holder_id = %(held_by)s and status = lane.status
    order by last_position desc limit %(held)s) as mine
where {called}
