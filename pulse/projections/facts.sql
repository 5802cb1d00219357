-- name: create
-- A row per event that a report counts. `until` is when a later event ended what this one began: null while it stands,
-- `at` itself where there is nothing to end. `from` is what a first reply or a closing is measured from, null for any
-- other; `tags` are those that the chat had then.
create table facts (
    position bigint primary key,
    chat_id uuid not null,
    version integer not null,
    kind text not null,
    at timestamptz not null,
    until timestamptz,
    moderator_id uuid,
    department_id uuid,
    source_id uuid,
    tags text[] not null,
    from_version integer,
    from_position bigint,
    from_at timestamptz
);
create index facts_standing on facts (chat_id, kind) where until is null;
create index facts_by_chat on facts (chat_id, kind, version);

-- What a chat's tags were from a version on.
create table fact_tags (
    chat_id uuid not null,
    version integer not null,
    tags text[] not null,
    primary key (chat_id, version)
);

-- name: index
create index facts_by_time on facts (kind, at, position);
create index facts_by_stretch on facts using gist (tstzrange(at, until, '(]'))
    where kind in ('opened', 'transferred', 'waits');

-- name: insert_tags
insert into fact_tags (chat_id, version, tags)
select chat_id, version, array(select json_array_elements_text(tags))
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, tags json);

-- name: insert_facts
insert into facts (position, chat_id, version, kind, at, until, moderator_id, department_id, source_id, tags)
select position, chat_id, version, kind, at, until, moderator_id, department_id, source_id, coalesce((
    select tags from fact_tags where fact_tags.chat_id = r.chat_id and fact_tags.version < r.version
    order by version desc limit 1), '{}')
from json_to_recordset(%(rows)s::json) as r(
    position bigint, chat_id uuid, version integer, kind text, at timestamptz, until timestamptz, moderator_id uuid,
    department_id uuid, source_id uuid);

-- name: measure_first_replies
-- A reply before which nobody had answered since the conversation's first word is measured from that word.
update facts set from_version = word.version, from_position = word.position, from_at = word.at
from json_to_recordset(%(rows)s::json) as r(position bigint, chat_id uuid, version integer)
cross join lateral (
    select version from facts as began
    where began.chat_id = r.chat_id and began.kind = 'opened' and began.version < r.version
    order by version desc limit 1) as began
cross join lateral (
    select version, position, at from facts as waits
    where waits.chat_id = r.chat_id and waits.kind = 'waits'
        and waits.version > began.version and waits.version < r.version
    order by version limit 1) as word
where facts.position = r.position and not exists (
    select from facts as earlier
    where earlier.chat_id = r.chat_id and earlier.kind in ('replied', 'closed')
        and earlier.version > word.version and earlier.version < r.version);

-- name: measure_resolutions
-- A closing is measured from the event that began the conversation.
update facts set from_version = began.version, from_position = began.position, from_at = began.at
from json_to_recordset(%(rows)s::json) as r(position bigint, chat_id uuid, version integer)
cross join lateral (
    select version, position, at from facts as began
    where began.chat_id = r.chat_id and began.kind = 'opened' and began.version < r.version
    order by version desc limit 1) as began
where facts.position = r.position;

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
-- How many facts of each kind there are, by what a report asks for; each tag of a chat counts it.
select unnest({keys}) as key,
    kind, count(*) as number
from facts
where kind in ('opened', 'assigned', 'replied', 'closed') and at >= %(since)s and at < %(until)s
    and {wanted}
group by 1, 2;

-- name: bounds
-- Between which moments the first replies and resolutions of each department lie.
select department_id, min(least(from_at, at)) as first, max(at) as last
from facts
where kind in ('replied', 'closed') and at >= %(since)s and at < %(until)s and from_at is not null
    and {wanted}
group by 1;

-- name: figures
-- How long first replies and resolutions took, by what a report asks for, and all together. A calendar is where each
-- span of working hours starts, how long it is, and what was worked before it; a department without one goes by the clock.
with calendars as materialized (
    select * from json_to_recordset(%(calendars)s::json) as r(
        department_id uuid, starts float8[], lengths float8[], before float8[])),
measured as materialized (
    select kind, {keys} as keys,
        greatest(0, case when starts is null then date_part('epoch', at - from_at) else
            coalesce(before[last] + least(date_part('epoch', at) - starts[last], lengths[last]), 0)
            - coalesce(before[first] + least(date_part('epoch', from_at) - starts[first], lengths[first]), 0) end) as seconds
    from facts
    left join calendars using (department_id)
    cross join lateral (
        select width_bucket(date_part('epoch', from_at), starts) as first,
            width_bucket(date_part('epoch', at), starts) as last) as spans
    where kind in ('replied', 'closed') and at >= %(since)s and at < %(until)s and from_at is not null
        and {wanted}),
keyed as (select kind, unnest(keys) as key, seconds from measured)
select kind, false as together, key, count(*) as n, percentile_cont(0.5) within group (order by seconds) as median,
    percentile_disc(0.9) within group (order by seconds) as p90, avg(seconds) as mean
from keyed group by kind, key
union all
select kind, true, null, count(*), percentile_cont(0.5) within group (order by seconds),
    percentile_disc(0.9) within group (order by seconds), avg(seconds)
from measured group by kind;

-- name: waiting_now
-- Chats that wait for an answer now, by where they stand now; that is in no day.
select unnest({keys}) as key, count(distinct chat_id) as number
from (
    select chat_id, facts.source_id, inbox.holder_id as moderator_id, inbox.department_id, inbox.tags, null::timestamptz as at
    from facts join inbox using (chat_id)
    where facts.kind = 'waits' and facts.until is null) as waiting
where {wanted}
group by 1;

-- name: single
-- Facts themselves, the newest first; of replies all, or the first ones. Time has one upper bound, the fact before this
-- page or the end: with two of them Postgres would begin each page's scan at the end.
select facts.* from facts
where kind = %(kind)s and at >= %(since)s
    and (at, position) < (
        least((select at from facts where position = %(position)s), %(until)s::timestamptz),
        coalesce((select position from facts where position = %(position)s), 0))
    and (not %(measured)s or from_at is not null)
    and {wanted}
order by at desc, position desc limit %(limit)s;

-- name: standing
-- Open conversations as they stood just before a moment, by position, each with the word that waited, if one did. They
-- are found first: by position one would walk through all that has ended since. A transfer begins in another department;
-- a moderator's are those they hold now, a tag's those that have it now.
with here as materialized (
    select position, chat_id, version, at, moderator_id, department_id from facts
    where kind in ('opened', 'transferred') and tstzrange(at, until, '(]') @> %(until)s::timestamptz
        and {placed})
select here.*, word.version as from_version, word.position as from_position, word.at as from_at
from here
left join lateral (
    select version, position, at, until from facts as waits
    where waits.chat_id = here.chat_id and waits.kind = 'waits' and waits.at < %(until)s
    order by version desc limit 1) as word on word.until is null or word.until >= %(until)s
where here.position < %(position)s and (not %(waiting)s or word.version is not null)
    and (%(any_moderator)s or exists (
        select from inbox where inbox.chat_id = here.chat_id and inbox.holder_id is not distinct from %(moderator)s))
    and (%(any_tag)s or exists (
        select from inbox where inbox.chat_id = here.chat_id and {tagged}))
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
    and {placed};

-- name: keys
-- Which rows of a report count a fact: each tag of its chat, or the one that it belongs to.
case when %(by)s <> 'tag' then array[case %(by)s
        when 'moderator' then moderator_id::text
        when 'department' then department_id::text
        when 'channel' then %(channels)s::jsonb ->> source_id::text
        when 'source' then source_id::text
        when 'day' then (at at time zone %(zone)s)::date::text
        when 'week' then date_trunc('week', at at time zone %(zone)s)::date::text end]
    when tags = '{}' then array[null] else tags end

-- name: wanted
-- Whose facts a report is of.
(%(any_moderator)s or moderator_id is not distinct from %(moderator)s)
    and {placed} and (%(any_tag)s or {tagged})

-- name: placed
(%(any_department)s or department_id is not distinct from %(department)s)
    and (%(any_source)s or source_id = any (%(sources)s))

-- name: tagged
case when %(tag)s::text is null then tags = '{}' else %(tag)s = any (tags) end
