-- name: create
-- State, not a read model: what a moderator has begun to write. It is no part of any history, so the log has none of it.
select pg_advisory_xact_lock(4015726);
create schema if not exists desk;
create table if not exists desk.drafts (
    moderator_id uuid not null,
    chat_id uuid not null,
    text text not null,
    note boolean not null,
    files text[] not null,
    at timestamptz not null,
    primary key (moderator_id, chat_id)
);
create index if not exists drafts_by_time on desk.drafts (moderator_id, at);

-- name: keep
-- The later of two writes stays, whichever comes first.
insert into desk.drafts as known (moderator_id, chat_id, text, note, files, at)
values (%(moderator_id)s, %(chat_id)s, %(text)s, %(note)s, %(files)s, %(at)s)
on conflict (moderator_id, chat_id) do update
set text = excluded.text, note = excluded.note, files = excluded.files, at = excluded.at
where known.at <= excluded.at;

-- name: prune
-- Only so many of one person are kept, those they wrote on last.
delete from desk.drafts where moderator_id = %(moderator_id)s and at <= (
    select at from desk.drafts where moderator_id = %(moderator_id)s order by at desc offset %(most)s limit 1);

-- name: find
select chat_id, text, note, files, at from desk.drafts
where moderator_id = %(moderator_id)s and chat_id = %(chat_id)s;

-- name: of_moderator
select chat_id, text, note, files, at from desk.drafts
where moderator_id = %(moderator_id)s order by at desc limit %(limit)s;

-- name: drop
delete from desk.drafts where moderator_id = %(moderator_id)s and chat_id = %(chat_id)s;

-- name: sent
-- What was begun as a reply goes with a reply, what was begun as a note with a note.
delete from desk.drafts where moderator_id = %(moderator_id)s and chat_id = %(chat_id)s and note = %(note)s;
