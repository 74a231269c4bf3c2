-- Disks of deleted servers: kept for a while, then purged by an order of their own.
alter table hostal.volumes drop constraint volumes_state_check, drop constraint volumes_check;
alter table hostal.volumes
    add constraint volumes_state_check check (state in ('active', 'kept', 'deleted')),
    add constraint volumes_keep_until_check check ((state = 'active') = (keep_until is null));
drop index hostal.volumes_to_purge;
create index volumes_to_purge on hostal.volumes (keep_until) where state <> 'active';

-- Orders the end of disks whose time is over, at most `most` at once, each once. Servers that are busy are left for later. One order ends all
-- disks of a deleted server.
create or replace function hostal.place_purges(most int) returns int language plpgsql as $$
declare
    due record;
    placed bigint;
    count int := 0;
begin
    insert into hostal.sources (name, owner) values ('hostal:purge', session_user) on conflict (name) do nothing;
    for due in
        select v.server_id, v.generation, v.state, s.account_id,
               coalesce(s.host_id, (select a.host_id from hostal.allocations a where a.server_id = s.id limit 1)) as host_id
          from hostal.volumes v join hostal.servers s on s.id = v.server_id
         where v.keep_until <= now()
           and (v.state = 'kept' and s.state = 'running'
                or v.state = 'deleted' and v.generation = (select max(w.generation) from hostal.volumes w where w.server_id = s.id))
           and not exists (select from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'queued', 'stuck'))
           -- One that was placed before has failed: an operator's to look at, and no reason for others to wait.
           and not exists (select from hostal.orders o where o.source = 'hostal:purge'
                              and o.external_ref = v.server_id || '-' || case v.state when 'deleted' then 'deleted' else v.generation::text end)
         order by v.keep_until limit most for update of s skip locked
    loop
        insert into hostal.orders (source, external_ref, request_hash, kind, spec, account_id, server_id)
        values ('hostal:purge', due.server_id || '-' || case due.state when 'deleted' then 'deleted' else due.generation::text end, '', 'purge',
                jsonb_build_object('server', due.server_id, 'generation', due.generation), due.account_id, due.server_id)
        on conflict on constraint orders_source_external_ref_key do nothing returning id into placed;
        continue when placed is null;
        perform hostal.open_job(placed, due.server_id, due.host_id, 'purge-volume', due.generation);
        count := count + 1;
    end loop;
    return count;
end
$$;
