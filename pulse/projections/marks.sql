-- name: create
-- A row per moderator and chat they ever looked into.
create table marks (
    moderator_id uuid not null,
    chat_id uuid not null,
    seen integer not null,
    primary key (moderator_id, chat_id)
);

-- name: move_marks
insert into marks as known (moderator_id, chat_id, seen)
select moderator_id, chat_id, seen
from json_to_recordset(%(rows)s::json) as r(moderator_id uuid, chat_id uuid, seen integer)
on conflict (moderator_id, chat_id) do update set seen = greatest(known.seen, excluded.seen);
