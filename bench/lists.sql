-- name: chats
-- Of a hundred chats five are open, one is snoozed and the rest is closed, mixed over all of time.
insert into inbox (chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, holder_id, status,
    last_text, opened_at, last_at, last_position, version, unread_by_staff, messages, priority, tags, waiting_since)
select ('00000000-0000-0000-0000-' || lpad(to_hex(4294967296 + n), 12, '0'))::uuid,
    ('00000000-0000-0000-0000-' || lpad(to_hex(20480 + n %% 30), 12, '0'))::uuid, 'telegram', 'p' || n,
    ('00000000-0000-0000-0000-' || lpad(to_hex(49152 + n * 7 %% %(chats)s), 12, '0'))::uuid,
    case when n %% 3 = 0 then 'Vera ' else 'Customer ' end || n, false,
    ('00000000-0000-0000-0000-' || lpad(to_hex(53248 + n %% 20), 12, '0'))::uuid,
    case when mood < 6 and n %% 3 > 0 then
        ('00000000-0000-0000-0000-' || lpad(to_hex(40960 + n * 13 / 7 %% 100), 12, '0'))::uuid end,
    case when mood < 5 then 'open' when mood < 6 then 'snoozed' else 'closed' end, 'Where is my order ' || n,
    now(), now(), n, 20, case when mood < 2 then 1 else 0 end, 10,
    (array['normal', 'normal', 'normal', 'low', 'high', 'urgent'])[1 + n / 7 %% 6],
    case when n %% 20 = 9 then array['refund'] when n %% 5003 = 2 then array['rare', 'refund'] else '{}'::text[] end,
    case when mood < 3 then timestamptz '2026-11-21 09:00Z' - random() * interval '30 days' end
from (select n, random() * 100 as mood from generate_series(1, %(chats)s) as n) as told;

-- name: messages
insert into thread (chat_id, version, position, inside, entry)
select ('00000000-0000-0000-0000-' || lpad(to_hex(4294967296 + 1 + n %% %(chats)s), 12, '0'))::uuid,
    2 + n / %(chats)s, n, false, json_build_object('id', 2 + n / %(chats)s, 'sender_type', 'customer', 'text',
    'Where is my order ' || n, 'sender', json_build_object('id', '77', 'name', 'Vera'), 'attachments', '[]'::json)
from generate_series(0, %(messages)s - 1) as n;

-- name: marks
insert into marks (moderator_id, chat_id, seen) select %(anna)s, chat_id, last_position %% 11 from inbox where last_position %% 5 = 0;

-- name: tags
insert into tagged (chat_id, tag, last_position) select chat_id, tag, last_position from inbox, unnest(tags) as tag;

-- name: counts
insert into inbox_counts (department_id, holder_id, status, waiting, unread, chats)
select department_id, holder_id, status, waiting_since is not null, unread_by_staff > 0, count(*) from inbox
group by 1, 2, 3, 4, 5;

-- name: plain_count
-- The views' counters as one would ask for them first.
select count(*) as "all", count(*) filter (where holder_id = %(anna)s) as mine,
    count(*) filter (where holder_id is null and status <> 'closed') as unassigned,
    count(*) filter (where unread_by_staff > 0) as unread, count(*) filter (where waiting_since is not null) as waiting,
    count(*) filter (where status = 'open') as open
from inbox where department_id = any (%(departments)s) or holder_id = %(anna)s;

-- name: plain_offset
-- A page in the middle of the same moderator's list.
select inbox.*, messages - greatest((
    select seen from marks where moderator_id = %(anna)s and marks.chat_id = inbox.chat_id), messages_at_close) as unread
from inbox where department_id = any (%(departments)s) or holder_id = %(anna)s
order by last_position desc limit %(limit)s offset %(offset)s;
