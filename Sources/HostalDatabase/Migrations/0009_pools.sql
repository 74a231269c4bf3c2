-- Pools that disks lie in. docs/storage.md documents kinds and their settings.
create table hostal.pools (
    id            bigint generated always as identity primary key,
    name          text not null unique check (name ~ '^[a-zA-Z0-9][a-zA-Z0-9.-]{0,79}$'),
    kind          text not null check (kind in ('local', 'nfs', 'iscsi', 'rbd')),
    class         text not null check (class ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    -- of the kind, without secrets
    settings      jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    state         text not null default 'accepting' check (state in ('accepting', 'draining')),
    capacity_gib  bigint not null check (capacity_gib >= 0),
    over_commit   numeric(5, 2) not null default 1 check (over_commit between 1 and 100),
    -- what may be sold
    sellable_gib  bigint not null generated always as (floor(capacity_gib * over_commit)::bigint) stored,
    used_gib      bigint not null default 0,
    constraint pools_not_oversold check (used_gib between 0 and floor(capacity_gib * over_commit))
);
create table hostal.host_pools (
    host_id  bigint not null references hostal.hosts on delete cascade,
    pool_id  bigint not null references hostal.pools,
    primary key (host_id, pool_id)
);

-- What hosts sold of their own disks is what their own pools sell.
insert into hostal.pools (name, kind, class, capacity_gib, used_gib)
    select 'local-' || name, 'local', 'local', disk_gib, used_disk_gib from hostal.hosts;
insert into hostal.host_pools select h.id, p.id from hostal.hosts h join hostal.pools p on p.name = 'local-' || h.name;
alter table hostal.allocations add column pool_id bigint references hostal.pools;
update hostal.allocations a set pool_id = hp.pool_id from hostal.host_pools hp where hp.host_id = a.host_id;
update hostal.volumes v
   set disk = jsonb_set(jsonb_set(v.disk #- '{volume,path}', '{volume,pool}', to_jsonb('local-' || h.name)),
                        '{volume,source}', jsonb_build_object('file', jsonb_build_object('path', v.disk #> '{volume,path}')))
  from hostal.servers s join hostal.hosts h on h.id = s.host_id where s.id = v.server_id;
update hostal.volumes v
   set disk = jsonb_set(v.disk, '{volume,backing}', jsonb_build_object(
           'source', jsonb_build_object('file', jsonb_build_object('path', v.disk #> '{volume,backing,path}')),
           'format', v.disk #> '{volume,backing,format}'))
 where v.disk #> '{volume,backing,path}' is not null;
alter table hostal.allocations alter column pool_id set not null;
alter table hostal.hosts drop column disk_gib, drop column used_disk_gib;

-- Keeps what hosts and pools count equal to the sum of what servers hold. The host's row before the pool's, as everywhere.
create function hostal.count_allocation() returns trigger language plpgsql as $$
begin
    update hostal.hosts h
       set used_vcpus = used_vcpus + coalesce(new.vcpus, 0) - coalesce(old.vcpus, 0),
           used_memory_mib = used_memory_mib + coalesce(new.memory_mib, 0) - coalesce(old.memory_mib, 0)
     where h.id = coalesce(new.host_id, old.host_id);
    update hostal.pools p set used_gib = used_gib + coalesce(new.disk_gib, 0) - coalesce(old.disk_gib, 0)
     where p.id = coalesce(new.pool_id, old.pool_id) and new.disk_gib is distinct from old.disk_gib;
    return null;
end
$$;
create function hostal.keep_allocations_place() returns trigger language plpgsql as $$
begin
    raise exception 'an allocation stays on its host and in its pool: make another and remove this one';
end
$$;
create trigger allocations_counted after insert or update or delete on hostal.allocations
    for each row execute function hostal.count_allocation();
create trigger allocations_stay before update of host_id, pool_id on hostal.allocations
    for each row when (old.host_id <> new.host_id or old.pool_id <> new.pool_id) execute function hostal.keep_allocations_place();
