-- name: create
create table projection_dead_letter (
    position bigint primary key,
    subject text not null,
    kind text not null,
    error text not null,
    body text not null,
    at timestamptz not null default now()
);

-- name: bury
insert into projection_dead_letter (position, subject, kind, error, body)
select position, subject, kind, error, body
from json_to_recordset(%(rows)s::json) as r(position bigint, subject text, kind text, error text, body text);

-- name: parked
select distinct subject from projection_dead_letter;
