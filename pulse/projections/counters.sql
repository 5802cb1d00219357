-- name: of_views
-- Adds up the kinds of chats: as many rows as there are departments, holders and states together, however many chats.
select coalesce(sum(chats), 0)::int as "all",
    coalesce(sum(chats) filter (where holder_id = %(holder)s), 0)::int as mine,
    coalesce(sum(chats) filter (where holder_id is null and status <> 'closed'), 0)::int as unassigned,
    coalesce(sum(chats) filter (where unread), 0)::int as unread,
    coalesce(sum(chats) filter (where waiting), 0)::int as waiting,
    coalesce(sum(chats) filter (where status = 'open'), 0)::int as open,
    coalesce(sum(chats) filter (where status = 'snoozed'), 0)::int as snoozed,
    coalesce(sum(chats) filter (where status = 'closed'), 0)::int as closed
from inbox_counts
where %(everything)s or department_id = any (%(departments)s::uuid[]) or holder_id = %(holder)s;
