-- name: create
-- A row per event that a report counts. `until` is when a later event ended what this one began: null while it stands,
-- `at` itself where there is nothing to end.
create table facts (
    position bigint primary key,
    chat_id uuid not null,
    version integer not null,
    kind text not null,
    at timestamptz not null,
    until timestamptz,
    moderator_id uuid,
    department_id uuid,
    source_id uuid
);
create index facts_standing on facts (chat_id, kind) where until is null;

-- name: index
create index facts_by_chat on facts (chat_id, kind, version);
create index facts_by_time on facts (kind, at, position);
create index facts_by_stretch on facts using gist (tstzrange(at, until, '(]'))
    where kind in ('opened', 'transferred', 'waits');

-- name: insert_facts
insert into facts (position, chat_id, version, kind, at, until, moderator_id, department_id, source_id)
select position, chat_id, version, kind, at, until, moderator_id, department_id, source_id
from json_to_recordset(%(rows)s::json) as r(
    position bigint, chat_id uuid, version integer, kind text, at timestamptz, until timestamptz, moderator_id uuid,
    department_id uuid, source_id uuid);

-- name: end_facts
-- Whatever stands is ended by the first event after it that may; two processes' clocks never make it end before it began.
update facts set until = greatest(facts.at, ended.at)
from (
    select distinct on (began.position) began.position, r.at
    from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, at timestamptz, ends text[])
    join facts began on began.chat_id = r.chat_id and began.until is null
        and began.kind = any (r.ends) and began.version < r.version
    order by began.position, r.version) as ended
where facts.position = ended.position;

-- name: counts
-- How many facts of each kind there are, by what a report asks for.
select case %(by)s
        when 'moderator' then moderator_id::text
        when 'department' then department_id::text
        when 'day' then (at at time zone %(zone)s)::date::text
        else source_id::text end as key,
    kind, count(*) as number
from facts
where kind in ('opened', 'assigned', 'replied', 'closed') and at >= %(since)s and at < %(until)s
    and (%(any_moderator)s or moderator_id is not distinct from %(moderator)s)
    and (%(any_department)s or department_id is not distinct from %(department)s)
    and (%(any_source)s or source_id = any (%(sources)s))
group by 1, 2;

-- name: waiting_now
-- Chats that wait for an answer now, by where they stand now.
select case %(by)s
        when 'moderator' then inbox.holder_id::text
        when 'department' then inbox.department_id::text
        else facts.source_id::text end as key,
    count(distinct facts.chat_id) as number
from facts join inbox using (chat_id)
where facts.kind = 'waits' and facts.until is null
    and (%(any_moderator)s or inbox.holder_id is not distinct from %(moderator)s)
    and (%(any_department)s or inbox.department_id is not distinct from %(department)s)
    and (%(any_source)s or facts.source_id = any (%(sources)s))
group by 1;

-- name: single
-- Facts themselves, the newest first. Time has one upper bound, the fact before this page or the end: with two of them
-- Postgres would begin each page's scan at the end.
select facts.* from facts
where kind = %(kind)s and at >= %(since)s
    and (at, position) < (
        least((select at from facts where position = %(position)s), %(until)s::timestamptz),
        coalesce((select position from facts where position = %(position)s), 0))
    and (%(any_moderator)s or moderator_id is not distinct from %(moderator)s)
    and (%(any_department)s or department_id is not distinct from %(department)s)
    and (%(any_source)s or source_id = any (%(sources)s))
order by at desc, position desc limit %(limit)s;

-- name: first_replies
-- Replies before which nobody had answered since the conversation's first word, the newest first, each with that word.
select facts.*, word.version as from_version, word.position as from_position, word.at as from_at
from facts
cross join lateral (
    select version from facts as began
    where began.chat_id = facts.chat_id and began.kind = 'opened' and began.version < facts.version
    order by version desc limit 1) as began
cross join lateral (
    select version, position, at from facts as waits
    where waits.chat_id = facts.chat_id and waits.kind = 'waits'
        and waits.version > began.version and waits.version < facts.version
    order by version limit 1) as word
where facts.kind = 'replied' and facts.at >= %(since)s
    and (facts.at, facts.position) < (
        least((select at from facts where position = %(position)s), %(until)s::timestamptz),
        coalesce((select position from facts where position = %(position)s), 0))
    and (%(any_moderator)s or facts.moderator_id is not distinct from %(moderator)s)
    and (%(any_department)s or facts.department_id is not distinct from %(department)s)
    and (%(any_source)s or facts.source_id = any (%(sources)s))
    and not exists (
        select from facts as earlier
        where earlier.chat_id = facts.chat_id and earlier.kind in ('replied', 'closed')
            and earlier.version > word.version and earlier.version < facts.version)
order by facts.at desc, facts.position desc limit %(limit)s;

-- name: resolutions
-- Closings, the newest first, each with the event that began the conversation.
select facts.*, began.version as from_version, began.position as from_position, began.at as from_at
from facts
cross join lateral (
    select version, position, at from facts as began
    where began.chat_id = facts.chat_id and began.kind = 'opened' and began.version < facts.version
    order by version desc limit 1) as began
where facts.kind = 'closed' and facts.at >= %(since)s
    and (facts.at, facts.position) < (
        least((select at from facts where position = %(position)s), %(until)s::timestamptz),
        coalesce((select position from facts where position = %(position)s), 0))
    and (%(any_moderator)s or facts.moderator_id is not distinct from %(moderator)s)
    and (%(any_department)s or facts.department_id is not distinct from %(department)s)
    and (%(any_source)s or facts.source_id = any (%(sources)s))
order by facts.at desc, facts.position desc limit %(limit)s;

-- name: standing
-- Open conversations as they stood just before a moment, by position, each with the word that waited, if one did. They
-- are found first: by position one would walk through all that has ended since. A transfer begins in another department;
-- a moderator's are those they hold now.
with here as materialized (
    select * from facts
    where kind in ('opened', 'transferred') and tstzrange(at, until, '(]') @> %(until)s::timestamptz
        and (%(any_department)s or department_id is not distinct from %(department)s)
        and (%(any_source)s or source_id = any (%(sources)s)))
select here.*, word.version as from_version, word.position as from_position, word.at as from_at
from here
left join lateral (
    select version, position, at, until from facts as waits
    where waits.chat_id = here.chat_id and waits.kind = 'waits' and waits.at < %(until)s
    order by version desc limit 1) as word on word.until is null or word.until >= %(until)s
where here.position < %(position)s and (not %(waiting)s or word.version is not null)
    and (%(any_moderator)s or exists (
        select from inbox where inbox.chat_id = here.chat_id and inbox.holder_id is not distinct from %(moderator)s))
order by here.position desc limit %(limit)s;

-- name: backlog
-- How many chats were open, and how many of those waited, just before a moment.
select count(*) as open, count(word.version) as waiting
from facts
left join lateral (
    select version, until from facts as waits
    where waits.chat_id = facts.chat_id and waits.kind = 'waits' and waits.at < %(until)s
    order by version desc limit 1) as word on word.until is null or word.until >= %(until)s
where facts.kind in ('opened', 'transferred') and tstzrange(facts.at, facts.until, '(]') @> %(until)s::timestamptz
    and (%(any_department)s or facts.department_id is not distinct from %(department)s)
    and (%(any_source)s or facts.source_id = any (%(sources)s));
