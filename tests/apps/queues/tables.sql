create table if not exists done (queue text, number int, release text, at timestamptz default now());
create table if not exists long (name text, begun_by text, ended_by text);
create table if not exists runs (scheduler text, event text, at double precision, release text);
