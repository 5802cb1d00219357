-- name: create
-- The general room is always there, so its row is too. A direct room is `one` and `other`'s, in the order of their ids.
create table rooms (
    room_id uuid primary key,
    one uuid,
    other uuid,
    messages integer not null default 0,
    last_text text not null default '',
    last_by uuid,
    last_at timestamptz,
    last_position bigint not null default 0
);
insert into rooms (room_id) values ('bd0ac4f2-4898-52aa-bd9b-d19d8c4859b9');

create table room_messages (
    room_id uuid not null,
    number integer not null,
    at timestamptz not null,
    moderator_id uuid not null,
    text text not null,
    client_msg_id text,
    mentions uuid[] not null,
    primary key (room_id, number)
);

-- How far each moderator has seen each room.
create table room_marks (
    moderator_id uuid not null,
    room_id uuid not null,
    seen integer not null,
    primary key (moderator_id, room_id)
);

-- name: index
create index rooms_by_one on rooms (one, last_position);
create index rooms_by_other on rooms (other, last_position);

-- name: open_rooms
insert into rooms (room_id, one, other, last_at, last_position)
select room_id, one, other, at, position
from json_to_recordset(%(rows)s::json) as r(room_id uuid, one uuid, other uuid, at timestamptz, position bigint);

-- name: insert_messages
insert into room_messages (room_id, number, at, moderator_id, text, client_msg_id, mentions)
select room_id, number, at, moderator_id, text, client_msg_id,
    array(select json_array_elements_text(mentions)::uuid)
from json_to_recordset(%(rows)s::json) as r(
    room_id uuid, number integer, at timestamptz, moderator_id uuid, text text, client_msg_id text, mentions json);

-- name: update_rooms
update rooms set messages = r.messages, last_text = r.last_text, last_by = r.last_by, last_at = r.last_at,
    last_position = r.last_position
from json_to_recordset(%(rows)s::json) as r(
    room_id uuid, messages integer, last_text text, last_by uuid, last_at timestamptz, last_position bigint)
where rooms.room_id = r.room_id;

-- name: move_marks
insert into room_marks as known (moderator_id, room_id, seen)
select moderator_id, room_id, seen
from json_to_recordset(%(rows)s::json) as r(moderator_id uuid, room_id uuid, seen integer)
on conflict (moderator_id, room_id) do update set seen = greatest(known.seen, excluded.seen);

-- name: one
select rooms.*, coalesce(mine.seen, 0) as seen, coalesce(theirs.seen, 0) as seen_by_other
from rooms
left join room_marks mine on mine.moderator_id = %(me)s and mine.room_id = rooms.room_id
left join room_marks theirs on theirs.room_id = rooms.room_id
    and theirs.moderator_id = case when one = %(me)s then other else one end
where rooms.room_id = %(room_id)s;

-- name: older
-- The general room, and as many as the page takes from either side of a pair, each by its own index.
select rooms.*, coalesce(mine.seen, 0) as seen, coalesce(theirs.seen, 0) as seen_by_other
from rooms
left join room_marks mine on mine.moderator_id = %(me)s and mine.room_id = rooms.room_id
left join room_marks theirs on theirs.room_id = rooms.room_id
    and theirs.moderator_id = case when one = %(me)s then other else one end
where rooms.room_id = any (array(
    (select room_id from rooms where room_id = %(general)s and last_position < %(position)s)
    union all
    (select room_id from rooms where one = %(me)s and last_position < %(position)s
    order by last_position desc limit %(limit)s)
    union all
    (select room_id from rooms where other = %(me)s and last_position < %(position)s
    order by last_position desc limit %(limit)s)))
order by rooms.last_position desc limit %(limit)s;

-- name: newer
-- The same list read the other way.
select rooms.*, coalesce(mine.seen, 0) as seen, coalesce(theirs.seen, 0) as seen_by_other
from rooms
left join room_marks mine on mine.moderator_id = %(me)s and mine.room_id = rooms.room_id
left join room_marks theirs on theirs.room_id = rooms.room_id
    and theirs.moderator_id = case when one = %(me)s then other else one end
where rooms.room_id = any (array(
    (select room_id from rooms where room_id = %(general)s and last_position > %(position)s)
    union all
    (select room_id from rooms where one = %(me)s and last_position > %(position)s
    order by last_position limit %(limit)s)
    union all
    (select room_id from rooms where other = %(me)s and last_position > %(position)s
    order by last_position limit %(limit)s)))
order by rooms.last_position limit %(limit)s;

-- name: messages_before
select * from room_messages where room_id = %(room_id)s and number < %(before)s
order by number desc limit %(limit)s;

-- name: messages_after
select * from room_messages where room_id = %(room_id)s and number > %(after)s
order by number limit %(limit)s;
