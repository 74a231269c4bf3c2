-- Orders for servers that exist: reinstall, resize, power, password, protection, undo. docs/orders.md documents them.

-- Refuses an order for what its server is or does now. HO003: the server is busy; HO004: it is protected; HO005: it is in no state for it.
create function hostal.refuse_now(code text, kind text, server bigint, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = code, detail = 'server', message = format('cannot %s server %s: %s', case kind
        when 'poweron' then 'power on' when 'poweroff' then 'power off' when 'shutdown' then 'shut down'
        when 'undo' then 'undo the reinstallation of' when 'reset_password' then 'reset the password of'
        when 'change_protection' then 'change the protection of' else kind end, server, reason);
end
$$;

create function hostal.checked_labels(spec jsonb) returns jsonb language plpgsql as $$
declare
    label record;
begin
    if not spec ? 'labels' then return '{}'; end if;
    if jsonb_typeof(spec -> 'labels') <> 'object' then perform hostal.refuse('labels', 'must be an object of texts'); end if;
    if (select count(*) from jsonb_object_keys(spec -> 'labels')) > 64 then perform hostal.refuse('labels', 'has more than 64 entries'); end if;
    for label in select key, value from jsonb_each(spec -> 'labels') loop
        if label.key !~ '\A([a-z0-9A-Z]([a-z0-9A-Z.-]{0,251}[a-z0-9A-Z])?/)?[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?\Z' then
            perform hostal.refuse('labels', format('"%s" is no key: 1 to 63 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends, after an optional domain and "/"', left(label.key, 60)));
        end if;
        if jsonb_typeof(label.value) <> 'string' or label.value #>> '{}' !~ '\A([a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?)?\Z' then
            perform hostal.refuse('labels', format('the value of "%s" must be a text of at most 63 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends', label.key));
        end if;
    end loop;
    return spec -> 'labels';
end
$$;

create function hostal.checked_user_data(spec jsonb) returns text language plpgsql as $$
begin
    if spec ? 'user_data' and jsonb_typeof(spec -> 'user_data') <> 'string' then
        perform hostal.refuse('user_data', 'must be a text');
    end if;
    if octet_length(spec ->> 'user_data') > 32768 then
        perform hostal.refuse('user_data', format('has %s bytes; at most 32768 are accepted', octet_length(spec ->> 'user_data')));
    end if;
    return spec ->> 'user_data';
end
$$;

-- A hash as crypt(3) writes it, never a password.
create function hostal.checked_password_hash(spec jsonb) returns text language plpgsql as $$
begin
    if spec ? 'password_hash' and (jsonb_typeof(spec -> 'password_hash') <> 'string'
       or spec ->> 'password_hash' !~ '\A\$(5|6|y|2b)\$[./A-Za-z0-9$=,-]{20,250}\Z') then
        perform hostal.refuse('password_hash', 'must be a hash as crypt(3) writes it, of kind $5$, $6$, $y$ or $2b$');
    end if;
    return spec ->> 'password_hash';
end
$$;

create function hostal.chosen_image(spec jsonb, disk_gib bigint) returns hostal.images language plpgsql as $$
declare
    chosen hostal.images;
begin
    select * into chosen from hostal.images i where i.name = hostal.required_text(spec, 'image', 63) and i.active;
    if chosen.id is null then
        perform hostal.refuse('image', format('there is no image "%s"; images are %s', spec ->> 'image',
            coalesce((select string_agg(i.name, ', ' order by i.name) from hostal.images i where i.active), 'not imported yet')));
    end if;
    if chosen.virtual_size > disk_gib << 30 then
        perform hostal.refuse('image', format('"%s" needs a disk of %s GiB; the disk has %s GiB', chosen.name,
            (chosen.virtual_size + (1 << 30) - 1) >> 30, disk_gib));
    end if;
    return chosen;
end
$$;

create function hostal.chosen_plan(spec jsonb) returns hostal.plans language plpgsql as $$
declare
    chosen hostal.plans;
begin
    select * into chosen from hostal.plans p where p.name = hostal.required_text(spec, 'plan', 63) and p.active;
    if chosen.name is null then
        perform hostal.refuse('plan', format('there is no plan "%s"; plans are %s', spec ->> 'plan',
            coalesce((select string_agg(p.name, ', ' order by p.name) from hostal.plans p where p.active), 'not loaded yet')));
    end if;
    return chosen;
end
$$;

drop function hostal.make_server(text, jsonb);
-- Makes a server row for a create order. Called with the order's row already there, so nobody else makes one for it.
-- `account` is whose the server is; null for a billing system, which names its own customer in the spec.
create function hostal.make_server(source text, account_id bigint, spec jsonb) returns hostal.servers language plpgsql as $$
declare
    account hostal.accounts;
    plan hostal.plans;
    image hostal.images;
    made hostal.servers;
    new_guest uuid := gen_random_uuid();
    keys text[];
    labels jsonb;
    user_data text;
    server_name text;
    account_ref text;
    taken bigint;
begin
    perform hostal.refuse_unknown_fields(spec,
        case when make_server.account_id is null then array['account'] else array[]::text[] end
        || array['image', 'labels', 'name', 'password_hash', 'plan', 'ssh_keys', 'user_data']);
    if make_server.account_id is null then account_ref := hostal.required_text(spec, 'account', 200); end if;
    server_name := hostal.required_text(spec, 'name', 63);
    if server_name !~ '\A[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\Z' then
        perform hostal.refuse('name', 'must be a host name: letters, digits and hyphens, with a letter or digit at both ends');
    end if;
    plan := hostal.chosen_plan(spec);
    image := hostal.chosen_image(spec, (plan.definition ->> 'disk_gib')::bigint);
    keys := hostal.checked_ssh_keys(spec);
    labels := hostal.checked_labels(spec);
    user_data := hostal.checked_user_data(spec);

    if account_ref is not null then
        insert into hostal.accounts (source, external_ref) values (make_server.source, account_ref)
            on conflict on constraint accounts_source_external_ref_key do nothing;
    end if;
    -- Locked: of two orders for one name at once, the second sees the first's server.
    select * into account from hostal.accounts a
     where case when account_ref is null then a.id = make_server.account_id
                else a.source = make_server.source and a.external_ref = account_ref end for update;
    select s.id into taken from hostal.servers s where s.account_id = account.id and s.name = server_name and s.state <> 'deleted';
    if taken is not null then
        perform hostal.refuse('name', format('"%s" is the name of server %s of this account', server_name, taken));
    end if;
    insert into hostal.servers (account_id, guest, name, state, plan, image_id, mac, ssh_keys, labels)
    values (account.id, new_guest, server_name, 'creating', plan.definition, image.id,
            -- Locally administered, and as random as the guest's own id: unique beyond this database.
            ('02' || substr(replace(new_guest::text, '-', ''), 1, 10))::macaddr, keys, labels)
    returning * into made;
    if user_data is not null then
        insert into hostal.server_user_data (server_id, content) values (made.id, user_data);
    end if;
    return made;
end
$$;

drop function hostal.find_server(text, jsonb);
-- The server that an order is about: `{"server": 17}`, or `{"service": "812"}` for the server that this source created with reference 812.
-- Of one account where that is given, else of any of the source's.
create function hostal.find_server(source text, account_id bigint, spec jsonb, fields text[]) returns hostal.servers language plpgsql as $$
declare
    found_server hostal.servers;
begin
    perform hostal.refuse_unknown_fields(spec, array['server', 'service'] || fields);
    if (spec ? 'server') = (spec ? 'service') then
        perform hostal.refuse('server', 'give either "server", a number, or "service", the reference of the order that created it');
    end if;
    if spec ? 'server' then
        if jsonb_typeof(spec -> 'server') <> 'number' or spec ->> 'server' !~ '^[0-9]{1,18}$' then
            perform hostal.refuse('server', 'must be a number');
        end if;
        select s.* into found_server from hostal.servers s join hostal.accounts a on a.id = s.account_id
         where s.id = (spec ->> 'server')::bigint
           and case when find_server.account_id is null then a.source = find_server.source else a.id = find_server.account_id end;
        if found_server.id is null then perform hostal.refuse('server', format('there is no server %s', spec ->> 'server')); end if;
    else
        perform hostal.required_text(spec, 'service', 200);
        select s.* into found_server from hostal.orders o join hostal.servers s on s.id = o.server_id
         where o.source = find_server.source and o.external_ref = find_server.spec ->> 'service' and o.kind = 'create';
        if found_server.id is null then
            perform hostal.refuse('service', format('no create order has the reference "%s"', spec ->> 'service'));
        end if;
    end if;
    return found_server;
end
$$;

drop function hostal.open_job(bigint, bigint, bigint, text);
-- Makes the order's job: open, or queued behind the server's open one. Wakes workers unless others are due anyway: NOTIFY serialises
-- commits, so a burst sends it once, and polling finds the rest.
create function hostal.open_job(
    order_id bigint, server_id bigint, host_id bigint, workflow text, generation int default null, image_id bigint default null,
    plan jsonb default null, options jsonb default '{}') returns void language plpgsql as $$
declare
    busy boolean;
begin
    -- Whoever opens or ends a job of this server holds this lock.
    perform from hostal.servers s where s.id = open_job.server_id for update;
    if (select count(*) from hostal.jobs j where j.server_id = open_job.server_id and j.state = 'queued') >= 16 then
        perform hostal.refuse('server', '16 orders are waiting for this server already');
    end if;
    busy := exists (select from hostal.jobs j where j.server_id = open_job.server_id and j.state in ('open', 'stuck'));
    insert into hostal.jobs (order_id, server_id, host_id, workflow, state, generation, image_id, plan, options)
    values (open_job.order_id, open_job.server_id, open_job.host_id, open_job.workflow, case when busy then 'queued' else 'open' end,
            open_job.generation, open_job.image_id, open_job.plan, open_job.options);
    if not busy and (select count(*) from (select from hostal.jobs j where j.state = 'open' and j.run_at <= now()
                      and j.lease_until is null and j.order_id <> open_job.order_id limit 1) due) = 0 then
        notify hostal_jobs;
    end if;
end
$$;

-- What may run beside or behind what. A server that is being created, reinstalled, resized or brought back takes no other order than its
-- deletion; one that is being deleted takes none; the short ones (power, password) queue, and whatever comes after them.
create function hostal.refuse_collision(kind text, server bigint) returns void language plpgsql as $$
declare
    other record;
begin
    select o.id, o.kind, j.state into other from hostal.jobs j join hostal.orders o on o.id = j.order_id
     where j.server_id = server and j.state in ('open', 'queued', 'stuck')
       and (j.state = 'stuck' or o.kind in ('delete', 'create', 'reinstall', 'resize', 'undo'))
     order by o.kind = 'delete' desc, j.id limit 1;
    if other.id is null then return; end if;
    perform hostal.refuse_now('HO003', kind, server, case
        when other.kind = 'delete' then 'it is being deleted'
        when other.state = 'stuck' then format('order %s (%s) waits for an operator', other.id, other.kind)
        else format('order %s (%s) is not over yet', other.id, other.kind) end);
end
$$;

-- Orders that wait for a server that is being deleted will not happen.
create function hostal.cancel_queued(server bigint) returns void language sql as $$
    with ended as (
        update hostal.jobs j
           set state = 'failed', finished_at = now(),
               failure = '{"kind": "permanent", "code": "cancelled", "message": "cannot carry out the order: the server is being deleted"}'
         where j.server_id = cancel_queued.server and j.state = 'queued' and j.workflow <> 'delete-server' returning j.order_id, j.failure),
    orders as (
        update hostal.orders o set state = 'failed', finished_at = now(), error = ended.failure - 'kind'
          from ended where o.id = ended.order_id returning o.*),
    secrets as (delete from hostal.order_secrets s using ended where s.order_id = ended.order_id)
    insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
    select 'order.failed:' || id, 'order.failed', account_id, server_id, id, error from orders;
$$;

-- Does what `place_order` promises, for a billing system (`account` is null) or for an account's own API. A customer's protection binds the
-- account's API only: a hoster may always end a contract.
create function hostal.accept_order(source text, external_ref text, kind text, spec jsonb, account bigint) returns bigint language plpgsql as $$
declare
    power constant jsonb := '{"reboot": "reboot-server", "reset": "reset-server", "shutdown": "shutdown-server", "poweron": "start-server",
                              "poweroff": "stop-server"}';
    fields constant jsonb := '{"delete": [], "reinstall": ["image", "password_hash", "user_data"], "resize": ["plan", "upgrade_disk"], "undo": [],
                               "reboot": [], "reset": [], "shutdown": ["force_after_seconds"], "poweron": [], "poweroff": [],
                               "reset_password": ["password_hash"], "change_protection": ["delete", "rebuild"]}';
    hash bytea;
    hidden jsonb := spec;
    placed hostal.orders;
    server hostal.servers;
    image hostal.images;
    plan hostal.plans;
    target jsonb;
    options jsonb := '{}';
    disk_now bigint;
    disk_then bigint;
    next_generation int;
    name text;
begin
    if external_ref is null or external_ref = '' or length(external_ref) > 200 then
        perform hostal.refuse('external_ref', 'must have 1 to 200 characters');
    end if;
    if kind is null or not (kind = 'create' or fields ? kind) then
        perform hostal.refuse('kind', 'must be one of create, delete, reinstall, resize, undo, reboot, reset, shutdown, poweron, poweroff, reset_password, change_protection');
    end if;
    if spec is null or jsonb_typeof(spec) <> 'object' then
        perform hostal.refuse('spec', 'must be a JSON object');
    end if;
    -- User-data and hashes may be secrets: they are kept apart, and the order shows only that there were some.
    foreach name in array array['user_data', 'password_hash'] loop
        if jsonb_typeof(spec -> name) = 'string' then hidden := jsonb_set(hidden, array[name], '"(kept apart)"'); end if;
    end loop;

    -- jsonb prints equal documents equally, whatever the order of their keys.
    hash := sha256(convert_to(kind || ' ' || spec::text, 'UTF8'));
    insert into hostal.orders (source, external_ref, request_hash, kind, spec) values (source, external_ref, hash, kind, hidden)
    on conflict on constraint orders_source_external_ref_key do nothing
    returning * into placed;
    if placed.id is null then
        select * into placed from hostal.orders o where o.source = accept_order.source and o.external_ref = accept_order.external_ref;
        if placed.request_hash <> hash then
            raise exception using errcode = 'HO002',
                message = format('conflicting order: reference "%s" is order %s, which asked for something else', external_ref, placed.id),
                hint = 'use a new external_ref for a new request', detail = 'external_ref';
        end if;
        return placed.id;
    end if;

    if kind = 'create' then
        server := hostal.make_server(source, account, spec);
        update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed.id;
        if hostal.checked_password_hash(spec) is not null then
            insert into hostal.order_secrets (order_id, password_hash) values (placed.id, spec ->> 'password_hash');
        end if;
        perform hostal.open_job(placed.id, server.id, null, 'create-server', 1);
        return placed.id;
    end if;

    server := hostal.find_server(source, account, spec, array(select jsonb_array_elements_text(fields -> kind)));
    select * into server from hostal.servers s where s.id = server.id for update;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed.id;

    if kind = 'delete' then
        if account is not null and server.delete_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against deletion');
        end if;
        if server.state = 'deleted' then
            -- A repeated termination is a success.
            update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed.id;
            return placed.id;
        end if;
        -- Deletion wins over what is still being done: that unwinds, then the deletion finds nothing or removes what is there.
        perform hostal.cancel_queued(server.id);
        update hostal.jobs j set cancel_requested = true, run_at = least(run_at, now())
         where j.server_id = server.id and j.state = 'open' and j.workflow <> 'delete-server';
        update hostal.servers s set state = 'deleting' where s.id = server.id and s.state <> 'creating';
        perform hostal.open_job(placed.id, server.id, server.host_id, 'delete-server');
        return placed.id;
    end if;

    if server.state in ('deleting', 'deleted') then
        perform hostal.refuse_now('HO005', kind, server.id, format('it is %s', case server.state when 'deleted' then 'deleted' else 'being deleted' end));
    end if;

    if kind = 'change_protection' then
        foreach name in array array['delete', 'rebuild'] loop
            if spec ? name and jsonb_typeof(spec -> name) <> 'boolean' then perform hostal.refuse(name, 'must be true or false'); end if;
        end loop;
        if not (spec ? 'delete' or spec ? 'rebuild') then perform hostal.refuse('delete', 'give "delete", "rebuild" or both'); end if;
        update hostal.servers s
           set delete_protected = coalesce((spec -> 'delete')::boolean, s.delete_protected),
               rebuild_protected = coalesce((spec -> 'rebuild')::boolean, s.rebuild_protected)
         where s.id = server.id;
        update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed.id;
        return placed.id;
    end if;

    perform hostal.refuse_collision(kind, server.id);
    disk_now := (server.plan ->> 'disk_gib')::bigint;

    if power ? kind then
        if kind = 'shutdown' and spec ? 'force_after_seconds' then
            if jsonb_typeof(spec -> 'force_after_seconds') <> 'number' or spec ->> 'force_after_seconds' !~ '^[0-9]{1,4}$'
               or (spec ->> 'force_after_seconds')::int not between 1 and 3600 then
                perform hostal.refuse('force_after_seconds', 'must be a whole number of seconds, 1 to 3600');
            end if;
            options := jsonb_build_object('force_after_seconds', spec -> 'force_after_seconds');
        end if;
        perform hostal.open_job(placed.id, server.id, server.host_id, power ->> kind, null, null, null, options);
    elsif kind = 'reset_password' then
        perform hostal.required_text(spec, 'password_hash', 320);
        insert into hostal.order_secrets (order_id, password_hash) values (placed.id, hostal.checked_password_hash(spec));
        perform hostal.open_job(placed.id, server.id, server.host_id, 'reset-password');
    elsif kind = 'reinstall' then
        if account is not null and server.rebuild_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against being reinstalled');
        end if;
        image := hostal.chosen_image(spec, disk_now);
        options := jsonb_build_object('user_data', case
            when not spec ? 'user_data' then 'keep' when jsonb_typeof(spec -> 'user_data') = 'null' then 'drop' else 'replace' end);
        if options ->> 'user_data' = 'replace' then perform hostal.checked_user_data(spec); end if;
        perform hostal.checked_password_hash(spec);
        if options ->> 'user_data' = 'replace' or spec ? 'password_hash' then
            insert into hostal.order_secrets (order_id, user_data, password_hash)
            values (placed.id, spec ->> 'user_data', spec ->> 'password_hash');
        end if;
        update hostal.servers s set last_generation = s.last_generation + 1 where s.id = server.id returning s.last_generation into next_generation;
        perform hostal.open_job(placed.id, server.id, server.host_id, 'reinstall-server', next_generation, image.id, null, options);
    elsif kind = 'undo' then
        if account is not null and server.rebuild_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against being reinstalled');
        end if;
        select v.generation, v.image_id into next_generation, image.id from hostal.volumes v
         where v.server_id = server.id and v.state = 'kept' and v.keep_until > now() order by v.keep_until desc, v.generation desc limit 1;
        if next_generation is null then
            perform hostal.refuse_now('HO005', kind, server.id, 'no earlier disk of it is kept');
        end if;
        perform hostal.open_job(placed.id, server.id, server.host_id, 'undo-reinstall', next_generation, image.id);
    else
        plan := hostal.chosen_plan(spec);
        if spec ? 'upgrade_disk' and jsonb_typeof(spec -> 'upgrade_disk') <> 'boolean' then
            perform hostal.refuse('upgrade_disk', 'must be true or false');
        end if;
        disk_then := (plan.definition ->> 'disk_gib')::bigint;
        if disk_then < disk_now then
            perform hostal.refuse('plan', format('the disk has %s GiB; plan "%s" has %s GiB, and a disk can only grow', disk_now, plan.name, disk_then));
        end if;
        target := case when coalesce((spec -> 'upgrade_disk')::boolean, false) then plan.definition
                       else jsonb_set(plan.definition, '{disk_gib}', to_jsonb(disk_now)) end;
        if target = server.plan then
            perform hostal.refuse('plan', format('the server has plan "%s" already', plan.name));
        end if;
        perform hostal.open_job(placed.id, server.id, server.host_id, 'resize-server', null, null, target);
    end if;
    return placed.id;
end
$$;

-- Places an order, exactly once for each (source, external_ref), and returns its id. The same reference with the same request returns the
-- same id; with another request it is refused (HO002). A bad request is refused with its field (HO001); one that the server cannot take now
-- with HO003 (busy), HO004 (protected) or HO005 (in no state for it). It never waits for the work.
create or replace function hostal.place_order(source text, external_ref text, kind text, spec jsonb) returns bigint
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
    return hostal.accept_order(source, external_ref, kind, spec, null);
end
$$;

-- The same for one account: what its own API asks for. Such orders have the source `account:N`, which no caller of `place_order` can have.
create function hostal.place_account_order(account bigint, external_ref text, kind text, spec jsonb) returns bigint language plpgsql as $$
begin
    insert into hostal.sources (name, owner) values ('account:' || account, session_user) on conflict (name) do nothing;
    return hostal.accept_order('account:' || account, external_ref, kind, spec, account);
end
$$;

-- Orders the end of kept disks whose time is over, at most `most` at once, each once. Servers that are busy are left for later.
create function hostal.place_purges(most int) returns int language plpgsql as $$
declare
    due record;
    placed bigint;
    count int := 0;
begin
    insert into hostal.sources (name, owner) values ('hostal:purge', session_user) on conflict (name) do nothing;
    for due in
        select v.server_id, v.generation, s.account_id, s.host_id from hostal.volumes v join hostal.servers s on s.id = v.server_id
         where v.state = 'kept' and v.keep_until <= now() and s.state = 'running'
           and not exists (select from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'queued', 'stuck'))
         order by v.keep_until limit most for update of s skip locked
    loop
        insert into hostal.orders (source, external_ref, request_hash, kind, spec, account_id, server_id)
        values ('hostal:purge', due.server_id || '-' || due.generation, '', 'purge',
                jsonb_build_object('server', due.server_id, 'generation', due.generation), due.account_id, due.server_id)
        on conflict on constraint orders_source_external_ref_key do nothing returning id into placed;
        -- One that was placed before has failed or is stuck: an operator's to look at.
        continue when placed is null;
        perform hostal.open_job(placed, due.server_id, due.host_id, 'purge-volume', due.generation);
        count := count + 1;
    end loop;
    return count;
end
$$;

create or replace view hostal.my_orders with (security_barrier) as
    select o.id, o.source, o.external_ref, o.kind, o.server_id, s.name as server_name, s.state as server_state, o.state,
           case when o.state = 'succeeded' then 100 else coalesce(j.progress, 0) end as progress,
           case when o.state in ('queued', 'running') then coalesce(j.waiting_for, case when j.state = 'queued' then 'an earlier order for this server' end) end as waiting_for,
           o.error ->> 'code' as error_code, o.error ->> 'message' as error_message,
           (select array_agg(host(a.ip) order by family(a.ip)) from hostal.addresses a where a.server_id = o.server_id) as addresses,
           o.created_at, o.started_at, o.finished_at, s.power as server_power
      from hostal.orders o
      left join hostal.servers s on s.id = o.server_id
      left join hostal.jobs j on j.order_id = o.id
     where o.placed_by = session_user;

revoke all on all functions in schema hostal from public;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
