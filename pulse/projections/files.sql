-- name: create
-- Our own copies by their ids, which are random. A claim that was used twice names one file.
create table files (
    file_id uuid primary key,
    chat_id uuid not null,
    kind text not null,
    sha256 text not null,
    size bigint not null,
    mime text,
    name text,
    position bigint not null
);

-- name: insert_files
insert into files (file_id, chat_id, kind, sha256, size, mime, name, position)
select file_id, chat_id, kind, sha256, coalesce(size, 0), mime, name, position
from json_to_recordset(%(rows)s::json) as r(
    file_id uuid, chat_id uuid, kind text, sha256 text, size bigint, mime text, name text, position bigint)
on conflict (file_id) do nothing;

-- name: forget_files
delete from files using json_to_recordset(%(rows)s::json) as r(file_id uuid) where files.file_id = r.file_id;

-- name: one
-- A file, and where its chat stands.
select f.file_id, f.chat_id, f.kind, f.sha256, f.size, f.mime, f.name, i.department_id, i.holder_id
from files f join inbox i using (chat_id)
where f.file_id = %(file_id)s;
