-- Who may ask for what. Billing systems have `place_order` and `my_orders` (docs/orders.md); the rest is for Hostal's own programs.

do $$
begin
    create role hostal_billing nologin;
exception when duplicate_object or unique_violation then
    -- Roles belong to the whole cluster: another database, or another migration at this moment, has made it.
    null;
end
$$;

-- Places an order, exactly once for each (source, external_ref), and returns its id. The same reference with the same request returns the
-- same id; with another request it is refused (HO002). A bad request is refused with its field (HO001); one that the server cannot take now
-- with HO003 (busy), HO004 (protected), HO005 (in no state for it) or HO006 (on hold). It never waits for the work.
create function hostal.place_order(source text, external_ref text, kind text, spec jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    source_owner name;
begin
    if source is null or source !~ '\A[a-z0-9][a-z0-9_-]{0,62}\Z' then
        perform hostal.refuse('source', 'must be 1 to 63 lower-case letters, digits, hyphens and underscores');
    end if;
    insert into hostal.sources (name, owner) values (source, session_user) on conflict (name) do nothing;
    select s.owner into source_owner from hostal.sources s where s.name = place_order.source;
    if source_owner <> session_user then
        perform hostal.refuse('source', 'belongs to another caller');
    end if;
    if kind is null or kind not in ('create', 'delete', 'reinstall', 'resize', 'undo', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
        'reset_password', 'change_protection', 'suspend', 'unsuspend', 'create_image', 'delete_image') then
        perform hostal.refuse('kind', 'must be one of create, delete, reinstall, resize, undo, reboot, reset, shutdown, poweron, poweroff, reset_password, change_protection, suspend, unsuspend, create_image, delete_image');
    end if;
    return case
        when kind in ('suspend', 'unsuspend') then hostal.accept_hold(source, external_ref, kind, spec, null)
        when kind = 'create_image' then hostal.accept_image(source, external_ref, spec, null)
        when kind = 'delete_image' then hostal.accept_image_deletion(source, external_ref, spec)
        else hostal.accept_order(source, external_ref, kind, spec, null) end;
end
$$;

-- The same for one account: what its own API asks for. Such orders have the source `account:N`, which no caller of `place_order` can have.
-- Who may not use a server may not make it disappear either.
create function hostal.place_account_order(account bigint, external_ref text, kind text, spec jsonb) returns bigint
language plpgsql as $$
begin
    insert into hostal.sources (name, owner) values ('account:' || account, session_user) on conflict (name) do nothing;
    if kind = 'create_image' then return hostal.accept_image('account:' || account, external_ref, spec, account); end if;
    if kind = 'delete' and spec ->> 'server' ~ '^[0-9]{1,18}$' then
        perform from hostal.servers s where s.id = (spec ->> 'server')::bigint and s.account_id = account for update;
        if found then perform hostal.refuse_held(kind, (spec ->> 'server')::bigint); end if;
    end if;
    return hostal.accept_order('account:' || account, external_ref, kind, spec, account);
end
$$;

-- An account's own image is not there any more: no order may name it, and its files go once no disk needs them. Refused with HO001 for one that
-- is not the account's, HO003 for one that is being made, HO004 for a protected one unless protection does not bind.
create function hostal.delete_image(account bigint, image bigint, is_bound boolean default true) returns void language plpgsql as $$
declare
    found_image hostal.images;
begin
    select * into found_image from hostal.images i where i.id = image and i.account_id = account and i.deleted_at is null for update;
    if found_image.id is null then perform hostal.refuse('image', format('there is no image %s', image)); end if;
    if found_image.digest is null then
        raise exception using errcode = 'HO003', detail = 'image',
            message = format('cannot delete image %s: order %s, which makes it, is not over yet', image, found_image.order_id);
    end if;
    if is_bound and found_image.delete_protected then
        raise exception using errcode = 'HO004', detail = 'image',
            message = format('cannot delete image %s: it is protected against deletion', image);
    end if;
    update hostal.images i set active = false, deleted_at = now() where i.id = image;
end
$$;

-- A hold that an operator puts on any server, or lifts: kind `suspend` or `unsuspend`. No caller of `place_order` can have this source.
create function hostal.place_operator_hold(operator text, external_ref text, kind text, spec jsonb) returns bigint language plpgsql as $$
begin
    insert into hostal.sources (name, owner) values ('hostal:operators', session_user) on conflict (name) do nothing;
    return hostal.accept_hold('hostal:operators', external_ref, kind, spec, operator);
end
$$;

-- An operator has a server's disk made independent of its image. Gives way to every other order of the server, and waits for those that run.
create function hostal.place_flatten(external_ref text, spec jsonb) returns bigint language plpgsql as $$
declare
    placed bigint;
    made boolean;
    server hostal.servers;
    number bigint;
begin
    insert into hostal.sources (name, owner) values ('hostal:operators', session_user) on conflict (name) do nothing;
    select * into placed, made from hostal.insert_order('hostal:operators', external_ref, 'flatten', spec);
    if not made then return placed; end if;
    perform hostal.refuse_unknown_fields(spec, array['server']);
    number := hostal.required_number(spec, 'server');
    select * into server from hostal.servers s where s.id = number for update;
    if server.id is null then perform hostal.refuse('server', format('there is no server %s', spec ->> 'server')); end if;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed;
    if server.state <> 'running' then
        perform hostal.refuse_now('HO005', 'flatten', server.id, case server.state
            when 'creating' then 'it is being created' when 'deleted' then 'it is deleted' else 'it is being deleted' end);
    end if;
    perform hostal.open_job(placed, server.id, server.host_id, 'flatten-disk');
    return placed;
end
$$;

-- Orders the end of disks whose time is over, at most `most` at once, each once. Servers that are busy are left for later. One order ends all
-- disks of a deleted server.
create function hostal.place_purges(most int) returns int language plpgsql as $$
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

-- Orders the flattening of disks whose pool is to have flattened ones, at most `most` at once, one on each host. Servers that are busy are left
-- for later; so are those whose last such order gave way within the hour, or failed within the day. Who was tried longest ago comes first.
create function hostal.place_flattens(most int) returns int language plpgsql as $$
declare
    due record;
    placed bigint;
    count int := 0;
begin
    insert into hostal.sources (name, owner) values ('hostal:flatten', session_user) on conflict (name) do nothing;
    -- Two callers at once would each have one on the same host.
    perform pg_advisory_xact_lock(hashtext('hostal.flatten'));
    for due in
        select distinct on (s.host_id) s.id, s.account_id, s.host_id, v.generation
          from hostal.volumes v join hostal.servers s on s.id = v.server_id join hostal.pools p on p.name = v.disk #>> '{volume,pool}'
          left join lateral (select o.created_at, o.error ->> 'code' = 'cancelled' as gave_way from hostal.orders o
                              where o.server_id = s.id and o.source = 'hostal:flatten' order by o.id desc limit 1) last on true
         where v.state = 'active' and s.state = 'running' and p.settings ->> 'cloning' = 'flattened' and v.disk #> '{volume,backing}' is not null
           and not exists (select from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'queued', 'stuck'))
           and not exists (select from hostal.jobs j where j.host_id = s.host_id and j.workflow = 'flatten-disk' and j.state in ('open', 'queued'))
           and (last.created_at is null or last.created_at < now() - case when last.gave_way then interval '1 hour' else interval '1 day' end)
         order by s.host_id, last.created_at nulls first, v.created_at limit most
    loop
        perform from hostal.servers s where s.id = due.id and s.state = 'running' for update skip locked;
        continue when not found;
        insert into hostal.orders (source, external_ref, request_hash, kind, spec, account_id, server_id)
        values ('hostal:flatten', due.id || '-' || due.generation || '-' || extract(epoch from now()), '', 'flatten',
                jsonb_build_object('server', due.id), due.account_id, due.id) returning id into placed;
        perform hostal.open_job(placed, due.id, due.host_id, 'flatten-disk');
        count := count + 1;
    end loop;
    return count;
end
$$;

-- What a job waits for, in the words that people read. Of jobs that copy whole disks a host runs a few at once.
create view hostal.waits as
    select j.id as job_id, coalesce(j.waiting_for, case
               when j.state = 'queued' then 'an earlier order for this server'
               when j.state = 'open' and j.lease_until is null and j.workflow in ('capture-image', 'flatten-disk')
                    and exists (select from hostal.jobs c where c.host_id = j.host_id and c.id <> j.id and c.state = 'open'
                                   and c.workflow in ('capture-image', 'flatten-disk') and c.lease_until >= now())
               then 'the copies of other disks of its host' end) as waiting_for
      from hostal.jobs j;

-- What a billing system sees: the orders that its own role has placed, without anything of hosts.
create view hostal.my_orders with (security_barrier) as
    select o.id, o.source, o.external_ref, o.kind, o.server_id, s.name as server_name, s.state as server_state, o.state,
           case when o.state = 'succeeded' then 100 else coalesce(j.progress, 0) end as progress,
           case when o.state in ('queued', 'running') then w.waiting_for end as waiting_for,
           o.error ->> 'code' as error_code, o.error ->> 'message' as error_message,
           (select array_agg(host(a.ip) order by family(a.ip)) from hostal.addresses a where a.server_id = o.server_id) as addresses,
           o.created_at, o.started_at, o.finished_at, s.power as server_power,
           (select i.id from hostal.images i where i.order_id = o.id and i.active) as image_id,
           (select i.consistent from hostal.images i where i.order_id = o.id and i.active) as image_consistent
      from hostal.orders o
      left join hostal.servers s on s.id = o.server_id
      left join hostal.jobs j on j.order_id = o.id
      left join hostal.waits w on w.job_id = j.id
     where o.placed_by = session_user;

revoke all on schema hostal from public;
revoke all on all functions in schema hostal from public;
grant usage on schema hostal to hostal_billing;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
grant select on hostal.my_orders to hostal_billing;
