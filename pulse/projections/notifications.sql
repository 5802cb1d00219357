-- name: create
-- `position` is that of the event it tells of, and with whom it tells it names it. `taken`: the chat was theirs until
-- then, so they are told even where they can't see it any more.
create table notifications (
    moderator_id uuid not null,
    position bigint not null,
    at timestamptz not null,
    kind text not null,
    chat_id uuid,
    room_id uuid,
    source_id uuid,
    number integer,
    by_id uuid,
    text text not null,
    taken boolean not null default false,
    read boolean not null default false,
    primary key (moderator_id, position)
);
create index notifications_of_rooms on notifications (moderator_id, room_id, number)
    where room_id is not null and not read;

-- name: index
create index notifications_unread on notifications (moderator_id, position) where not read;

-- name: insert_notifications
insert into notifications
    (moderator_id, position, at, kind, chat_id, room_id, source_id, number, by_id, text, taken)
select moderator_id, position, at, kind, chat_id, room_id, source_id, number, by_id, text, taken
from json_to_recordset(%(rows)s::json) as r(
    moderator_id uuid, position bigint, at timestamptz, kind text, chat_id uuid, room_id uuid, source_id uuid,
    number integer, by_id uuid, text text, taken boolean);

-- name: read_one
update notifications set read = true
from json_to_recordset(%(rows)s::json) as r(moderator_id uuid, of bigint)
where notifications.moderator_id = r.moderator_id and notifications.position = r.of;

-- name: read_up_to
update notifications set read = true
from json_to_recordset(%(rows)s::json) as r(moderator_id uuid, up_to bigint)
where notifications.moderator_id = r.moderator_id and notifications.position <= r.up_to and not notifications.read;

-- name: read_in_room
update notifications set read = true
from json_to_recordset(%(rows)s::json) as r(moderator_id uuid, room_id uuid, number integer)
where notifications.moderator_id = r.moderator_id and notifications.room_id = r.room_id
    and notifications.number <= r.number and not notifications.read;

-- name: page
select told.* from {told} and told.position {before} %(position)s
order by told.position {down} limit %(limit)s;

-- name: one
select told.* from {told} and told.position = %(position)s;

-- name: count_unread
-- As far as anybody counts.
select count(*) as unread from (select 1 from {told} limit %(limit)s) as counted;

-- name: told
-- What one was told, or of that what is not read; of chats only those that one may see now.
notifications told left join inbox using (chat_id)
where told.moderator_id = %(me)s {unread} and (told.chat_id is null or told.taken or %(everything)s
    or inbox.department_id = any (%(departments)s::uuid[]) or inbox.holder_id = %(me)s)

-- name: newest
select coalesce(max(position), 0) as position from notifications where moderator_id = %(me)s;
