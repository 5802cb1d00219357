-- name: fill
-- Conversations of one year, each with a word, an assignment, a first reply, a second one and a closing, in twenty departments.
insert into facts (position, chat_id, version, kind, at, until, moderator_id, department_id, source_id, tags,
    from_version, from_position, from_at)
select n * 7 + place, lpad(to_hex(n), 32, '0')::uuid, place, kind, at + after, at + after + stood,
    case when place > 2 then lpad(to_hex(40960 + n * 31 %% 100), 32, '0')::uuid end,
    lpad(to_hex(53248 + n * 7919 %% 20), 32, '0')::uuid, lpad(to_hex(20480 + n %% 30), 32, '0')::uuid,
    case n %% 5 when 0 then array['delivery'] when 1 then array['refund', 'urgent'] else '{}' end,
    began, n * 7 + began, at + case began when 2 then interval '1 second' when 1 then interval '0' end
from (
    select n, %(since)s::timestamptz + n * interval '365 days' / %(conversations)s as at,
        (n * 48271 %% 86400) * interval '1 second' as took from generate_series(0, %(conversations)s::bigint - 1) as n) as one
cross join lateral (values
    (1, 'opened', interval '0', took * 2, null), (2, 'waits', interval '1 second', took, null),
    (3, 'assigned', took, interval '0', null), (4, 'replied', took, interval '0', 2),
    (5, 'replied', took * 1.5, interval '0', null), (6, 'closed', took * 2, interval '0', 1)
) as each(place, kind, after, stood, began);

-- name: plain
-- First replies of each department found again at reading, each by a look at its chat; on the clock.
select facts.department_id, count(*), percentile_cont(0.5) within group (order by facts.at - word.at)
from facts
cross join lateral (
    select version from facts as began
    where began.chat_id = facts.chat_id and began.kind = 'opened' and began.version < facts.version
    order by version desc limit 1) as began
cross join lateral (
    select version, at from facts as waits
    where waits.chat_id = facts.chat_id and waits.kind = 'waits'
        and waits.version > began.version and waits.version < facts.version
    order by version limit 1) as word
where facts.kind = 'replied' and facts.at >= %(since)s and facts.at < %(until)s and not exists (
    select from facts as earlier
    where earlier.chat_id = facts.chat_id and earlier.kind in ('replied', 'closed')
        and earlier.version > word.version and earlier.version < facts.version)
group by 1;
