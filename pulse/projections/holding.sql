-- name: held_by
-- Open chats that some people hold, the one with the newest word first.
select chat_id, holder_id, last_position from inbox
where holder_id = any (%(holders)s) and status <> 'closed' and last_position < %(before)s
order by last_position desc limit %(limit)s;

-- name: open_in
-- Open chats of a department, the one with the newest word first.
select chat_id from inbox
where department_id = %(department)s and status <> 'closed'
order by last_position desc limit %(limit)s;
