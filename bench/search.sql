-- name: clear
drop schema if exists search cascade;
drop schema if exists read cascade;
drop table if exists public.texts;

-- name: fill_texts
create table public.texts as
select n as number, said, array_to_tsvector(words) as words
from json_to_recordset(%(rows)s::json) as r(n integer, said text, words text[]);

-- name: fill_inbox
-- Chats in twenty departments; one in a thousand is held.
insert into read.inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id,
    opened_at, last_at, last_position, version)
select lpad(to_hex(n), 32, '0')::uuid, lpad('50', 32, '0')::uuid, 'telegram', n::text, gen_random_uuid(), 'Vera', false,
    lpad(to_hex(n * 7919 %% 20), 32, '0')::uuid,
    case when n %% 1000 = 0 then lpad('7', 32, '0')::uuid end, now(), now(), n, 1
from generate_series(0, %(chats)s::bigint - 1) as n;

-- name: fill_counts
insert into read.inbox_counts (department_id, holder_id, status, waiting, unread, chats)
select department_id, holder_id, status, waiting_since is not null, unread_by_staff > 0, count(*) from read.inbox
group by 1, 2, 3, 4, 5;

-- name: fill_search
insert into search.search (chat_id, version, position, at, words)
select lpad(to_hex(n * 48271 %% %(chats)s), 32, '0')::uuid, n, n, now(), words || array_to_tsvector(array['@' || (n >> 18)])
from generate_series(1, %(messages)s::bigint) as n join public.texts on texts.number = n * 7919 %% %(texts)s
order by n;

-- name: fill_thread
insert into read.thread (chat_id, version, position, inside, entry)
select lpad(to_hex(n * 48271 %% %(chats)s), 32, '0')::uuid, n, n, false, json_build_object(
    'id', n, 'sender_type', 'customer', 'sender', json_build_object('id', '77', 'name', 'Vera'), 'text', said)
from generate_series(1, %(messages)s::bigint) as n join public.texts on texts.number = n * 7919 %% %(texts)s
order by n;

-- name: plain_index
select search.position, entry from search.search join read.inbox using (chat_id)
join read.thread on thread.chat_id = search.chat_id and thread.version = search.version
where words @@ %(word)s::tsquery and department_id = %(department)s
order by search.position desc limit %(limit)s;

-- name: plain_ilike
select thread.position, entry, count(*) over () from read.thread join read.inbox using (chat_id)
where entry->>'text' ilike %(like)s and department_id = %(department)s
order by thread.position desc limit %(limit)s offset 0;
