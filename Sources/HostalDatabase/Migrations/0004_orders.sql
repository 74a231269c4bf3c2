-- How an order is accepted: its row, what it changes at once, and its job.

-- The order's row, made once for its reference: not `made` means that it was there, asking for the same. User-data and hashes may be secrets:
-- they are kept apart, and the row shows only that there were some.
create function hostal.insert_order(source text, external_ref text, kind text, spec jsonb, out placed bigint, out made boolean) language plpgsql as $$
declare
    hash bytea;
    hidden jsonb := spec;
    known hostal.orders;
    name text;
begin
    if external_ref is null or external_ref = '' or length(external_ref) > 200 then
        perform hostal.refuse('external_ref', 'must have 1 to 200 characters');
    end if;
    if spec is null or jsonb_typeof(spec) <> 'object' then
        perform hostal.refuse('spec', 'must be a JSON object');
    end if;
    foreach name in array array['user_data', 'password_hash'] loop
        if jsonb_typeof(spec -> name) = 'string' then hidden := jsonb_set(hidden, array[name], '"(kept apart)"'); end if;
    end loop;
    -- jsonb prints equal documents equally, whatever the order of their keys.
    hash := sha256(convert_to(kind || ' ' || spec::text, 'UTF8'));
    insert into hostal.orders (source, external_ref, request_hash, kind, spec) values (source, external_ref, hash, kind, hidden)
    on conflict on constraint orders_source_external_ref_key do nothing returning id into placed;
    made := placed is not null;
    if made then return; end if;
    select * into known from hostal.orders o where o.source = insert_order.source and o.external_ref = insert_order.external_ref;
    if known.request_hash <> hash then
        raise exception using errcode = 'HO002',
            message = format('conflicting order: reference "%s" is order %s, which asked for something else', external_ref, known.id),
            hint = 'use a new external_ref for a new request', detail = 'external_ref';
    end if;
    placed := known.id;
end
$$;

-- Makes the order's job: open, or queued behind the server's open one. Housekeeping gives way: nobody waits for a disk to be flattened. Wakes
-- workers unless others are due anyway: NOTIFY serialises commits, so a burst sends it once, and polling finds the rest.
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
    update hostal.jobs j set cancel_requested = true, run_at = least(run_at, now())
     where j.server_id = open_job.server_id and j.state in ('open', 'queued') and j.workflow = 'flatten-disk'
       and open_job.workflow <> 'flatten-disk';
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

-- Ends orders that wait for a server and will not happen, but those of the workflows to spare.
create function hostal.cancel_waiting(server bigint, spared text[], reason text) returns void language sql as $$
    with ended as (
        update hostal.jobs j
           set state = 'failed', finished_at = now(),
               failure = jsonb_build_object('kind', 'permanent', 'code', 'cancelled', 'message', 'cannot carry out the order: ' || reason)
         where j.server_id = cancel_waiting.server and j.state = 'queued' and j.workflow <> all (spared) returning j.order_id, j.failure),
    orders as (
        update hostal.orders o set state = 'failed', finished_at = now(), error = ended.failure - 'kind'
          from ended where o.id = ended.order_id returning o.*),
    secrets as (delete from hostal.order_secrets s using ended where s.order_id = ended.order_id)
    insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
    select 'order.failed:' || id, 'order.failed', account_id, server_id, id, error from orders;
$$;

-- Orders that wait for a server that is being deleted will not happen.
create function hostal.cancel_queued(server bigint) returns void language sql as $$
    select hostal.cancel_waiting(server, array['delete-server'], 'the server is being deleted');
$$;

-- Makes a server row for a create order. Called with the order's row already there, so nobody else makes one for it.
-- `account_id` is whose the server is; null for a billing system, which names its own customer in the spec.
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
    location bigint;
begin
    perform hostal.refuse_unknown_fields(spec,
        case when make_server.account_id is null then array['account'] else array[]::text[] end
        || array['image', 'labels', 'location', 'name', 'password_hash', 'plan', 'ssh_keys', 'user_data']);
    if make_server.account_id is null then account_ref := hostal.required_text(spec, 'account', 200); end if;
    server_name := hostal.required_text(spec, 'name', 63);
    if server_name !~ '\A[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\Z' then
        perform hostal.refuse('name', 'must be a host name: letters, digits and hyphens, with a letter or digit at both ends');
    end if;
    plan := hostal.chosen_plan(spec);
    location := hostal.chosen_location(spec);
    keys := hostal.checked_ssh_keys(spec);
    labels := hostal.checked_labels(spec);
    user_data := hostal.checked_user_data(spec);

    if account_ref is not null then
        insert into hostal.accounts (source, external_ref) values (make_server.source, account_ref)
            on conflict on constraint accounts_source_external_ref_key do nothing;
    end if;
    -- Locked: of two orders for one name at once, the second sees the first's server. Rows that point to the account do not wait: a request
    -- that carries an Idempotency-Key has one already.
    select * into account from hostal.accounts a
     where case when account_ref is null then a.id = make_server.account_id
                else a.source = make_server.source and a.external_ref = account_ref end for no key update;
    image := hostal.chosen_image(spec, account.id, (plan.definition ->> 'disk_gib')::bigint);
    select s.id into taken from hostal.servers s where s.account_id = account.id and s.name = server_name and s.state <> 'deleted';
    if taken is not null then
        perform hostal.refuse('name', format('"%s" is the name of server %s of this account', server_name, taken));
    end if;
    insert into hostal.servers (account_id, guest, name, state, plan, image_id, mac, ssh_keys, labels, location_id)
    values (account.id, new_guest, server_name, 'creating', plan.definition, image.id,
            -- Locally administered, and as random as the guest's own id: unique beyond this database.
            ('02' || substr(replace(new_guest::text, '-', ''), 1, 10))::macaddr, keys, labels, location)
    returning * into made;
    if user_data is not null then
        insert into hostal.server_user_data (server_id, content) values (made.id, user_data);
    end if;
    return made;
end
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
    placed bigint;
    made boolean;
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
    if kind is null or not (kind = 'create' or fields ? kind) then
        perform hostal.refuse('kind', 'must be one of create, delete, reinstall, resize, undo, reboot, reset, shutdown, poweron, poweroff, reset_password, change_protection');
    end if;
    select * into placed, made from hostal.insert_order(source, external_ref, kind, spec);
    if not made then return placed; end if;

    if kind = 'create' then
        server := hostal.make_server(source, account, spec);
        update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed;
        if hostal.checked_password_hash(spec) is not null then
            insert into hostal.order_secrets (order_id, password_hash) values (placed, spec ->> 'password_hash');
        end if;
        perform hostal.open_job(placed, server.id, null, 'create-server', 1);
        return placed;
    end if;

    server := hostal.find_server(source, account, spec, array(select jsonb_array_elements_text(fields -> kind)));
    select * into server from hostal.servers s where s.id = server.id for update;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed;

    if kind = 'delete' then
        if account is not null and server.delete_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against deletion');
        end if;
        if server.state = 'deleted' then
            -- A repeated termination is a success.
            update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed;
            return placed;
        end if;
        -- Deletion wins over what is still being done: that unwinds, then the deletion finds nothing or removes what is there.
        perform hostal.cancel_queued(server.id);
        update hostal.jobs j set cancel_requested = true, run_at = least(run_at, now())
         where j.server_id = server.id and j.state = 'open' and j.workflow <> 'delete-server';
        update hostal.servers s set state = 'deleting' where s.id = server.id and s.state <> 'creating';
        perform hostal.open_job(placed, server.id, server.host_id, 'delete-server');
        return placed;
    end if;

    perform hostal.refuse_ended(kind, server);

    if kind = 'change_protection' then
        foreach name in array array['delete', 'rebuild'] loop
            if spec ? name and jsonb_typeof(spec -> name) <> 'boolean' then perform hostal.refuse(name, 'must be true or false'); end if;
        end loop;
        if not (spec ? 'delete' or spec ? 'rebuild') then perform hostal.refuse('delete', 'give "delete", "rebuild" or both'); end if;
        update hostal.servers s
           set delete_protected = coalesce((spec -> 'delete')::boolean, s.delete_protected),
               rebuild_protected = coalesce((spec -> 'rebuild')::boolean, s.rebuild_protected)
         where s.id = server.id;
        update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed;
        return placed;
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
        perform hostal.open_job(placed, server.id, server.host_id, power ->> kind, null, null, null, options);
    elsif kind = 'reset_password' then
        perform hostal.required_text(spec, 'password_hash', 320);
        insert into hostal.order_secrets (order_id, password_hash) values (placed, hostal.checked_password_hash(spec));
        perform hostal.open_job(placed, server.id, server.host_id, 'reset-password');
    elsif kind = 'reinstall' then
        if account is not null and server.rebuild_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against being reinstalled');
        end if;
        image := hostal.chosen_image(spec, server.account_id, disk_now);
        options := jsonb_build_object('user_data', case
            when not spec ? 'user_data' then 'keep' when jsonb_typeof(spec -> 'user_data') = 'null' then 'drop' else 'replace' end);
        if options ->> 'user_data' = 'replace' then perform hostal.checked_user_data(spec); end if;
        perform hostal.checked_password_hash(spec);
        if options ->> 'user_data' = 'replace' or spec ? 'password_hash' then
            insert into hostal.order_secrets (order_id, user_data, password_hash)
            values (placed, spec ->> 'user_data', spec ->> 'password_hash');
        end if;
        update hostal.servers s set last_generation = s.last_generation + 1 where s.id = server.id returning s.last_generation into next_generation;
        perform hostal.open_job(placed, server.id, server.host_id, 'reinstall-server', next_generation, image.id, null, options);
    elsif kind = 'undo' then
        if account is not null and server.rebuild_protected then
            perform hostal.refuse_now('HO004', kind, server.id, 'it is protected against being reinstalled');
        end if;
        select v.generation, v.image_id into next_generation, image.id from hostal.volumes v
         where v.server_id = server.id and v.state = 'kept' and v.keep_until > now() order by v.keep_until desc, v.generation desc limit 1;
        if next_generation is null then
            perform hostal.refuse_now('HO005', kind, server.id, 'no earlier disk of it is kept');
        end if;
        perform hostal.open_job(placed, server.id, server.host_id, 'undo-reinstall', next_generation, image.id);
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
        perform hostal.open_job(placed, server.id, server.host_id, 'resize-server', null, null, target);
    end if;
    return placed;
end
$$;

-- Does what `place_order` promises, for the kinds `suspend` and `unsuspend`. `operator` is who asks, for any server; null for a billing system,
-- which has its own servers only. Always taken: what runs is finished first, what waits is cancelled.
create function hostal.accept_hold(source text, external_ref text, kind text, spec jsonb, operator text) returns bigint language plpgsql as $$
declare
    fields constant text[] := case kind when 'suspend' then array['note', 'reason'] else array['reason'] end;
    reasons constant text[] := array['billing', 'abuse', 'traffic'] || case when operator is null then '{}' else array['operator'] end;
    placed bigint;
    made boolean;
    server hostal.servers;
    number bigint;
    hold_reason text;
    changed boolean;
    workflow text;
begin
    select * into placed, made from hostal.insert_order(source, external_ref, kind, spec);
    if not made then return placed; end if;

    if operator is null then
        server := hostal.find_server(source, null, spec, fields);
    else
        perform hostal.refuse_unknown_fields(spec, array['server'] || fields);
        number := hostal.required_number(spec, 'server');
        select s.* into server from hostal.servers s where s.id = number;
        if server.id is null then perform hostal.refuse('server', format('there is no server %s', spec ->> 'server')); end if;
    end if;
    select * into server from hostal.servers s where s.id = server.id for update;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed;
    perform hostal.refuse_ended(kind, server);
    hold_reason := hostal.required_text(spec, 'reason', 20);
    if hold_reason <> all (reasons) then
        perform hostal.refuse('reason', format('must be one of %s', array_to_string(reasons, ', ')));
    end if;

    if kind = 'suspend' then
        if spec ? 'note' and (jsonb_typeof(spec -> 'note') <> 'string' or length(spec ->> 'note') > 500) then
            perform hostal.refuse('note', 'must be a text of at most 500 characters');
        end if;
        insert into hostal.holds (server_id, reason, note, placed_by)
        values (server.id, hold_reason, coalesce(spec ->> 'note', ''), coalesce(operator, source)) on conflict do nothing;
        changed := found;
        perform hostal.cancel_waiting(server.id, array['delete-server', 'suspend-server', 'resume-server', 'purge-volume'],
            'the server was put on hold');
        -- A copy loses nothing by ending, and may take hours.
        update hostal.jobs j set cancel_requested = true, run_at = least(run_at, now())
         where j.server_id = server.id and j.state = 'open' and j.workflow = 'capture-image';
        -- A repeated one is over at once only when the server is off, and stays so.
        if server.power = 'on' or exists (select from hostal.jobs j where j.server_id = server.id and j.state in ('open', 'queued', 'stuck')) then
            workflow := 'suspend-server';
        end if;
    else
        delete from hostal.holds h where h.server_id = server.id and h.reason = hold_reason;
        changed := found;
        if not exists (select from hostal.holds h where h.server_id = server.id)
           and (server.resume_power or exists (select from hostal.jobs j where j.server_id = server.id and j.state in ('open', 'queued', 'stuck')
                                                  and j.workflow in ('suspend-server', 'resume-server'))) then
            workflow := 'resume-server';
        end if;
    end if;
    if changed then
        insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
        values (format('hold.%s:%s', case kind when 'suspend' then 'placed' else 'lifted' end, placed),
                case kind when 'suspend' then 'hold.placed' else 'hold.lifted' end, server.account_id, server.id, placed,
                jsonb_build_object('reason', hold_reason));
    end if;
    if workflow is null then
        update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed;
    else
        perform hostal.open_job(placed, server.id, server.host_id, workflow);
    end if;
    return placed;
end
$$;

-- Does what `place_order` promises, for the kind `create_image`: an image of the account whose server it is, which nobody can use before it is
-- whole.
create function hostal.accept_image(source text, external_ref text, spec jsonb, account bigint) returns bigint language plpgsql as $$
declare
    images_at_most constant int := 100;
    placed bigint;
    made boolean;
    server hostal.servers;
    number bigint;
begin
    select * into placed, made from hostal.insert_order(source, external_ref, 'create_image', spec);
    if not made then return placed; end if;
    server := hostal.find_server(source, account, spec, array['description', 'labels']);
    select * into server from hostal.servers s where s.id = server.id for update;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed;
    perform hostal.refuse_ended('create_image', server);
    perform hostal.refuse_collision('create_image', server.id);
    -- It is shown in operators' terminals.
    if spec ? 'description' and (jsonb_typeof(spec -> 'description') <> 'string' or length(spec ->> 'description') > 255
       or spec ->> 'description' ~ '[\x01-\x1f\x7f-\x9f]') then
        perform hostal.refuse('description', 'must be a text of at most 255 characters, without control characters');
    end if;
    -- Locked: of two orders of one account at once, the second counts the first's image.
    perform from hostal.accounts a where a.id = server.account_id for no key update;
    if (select count(*) from hostal.images i where i.account_id = server.account_id and i.deleted_at is null) >= images_at_most then
        perform hostal.refuse('server', format('this account has %s images already; delete one first', images_at_most));
    end if;
    number := nextval(pg_get_serial_sequence('hostal.images', 'id'));
    insert into hostal.images (id, name, active, account_id, description, labels, server_id, order_id) overriding system value
    values (number, 'snapshot-' || number, false, server.account_id, coalesce(spec ->> 'description', ''), hostal.checked_labels(spec),
            server.id, placed);
    perform hostal.open_job(placed, server.id, server.host_id, 'capture-image');
    return placed;
end
$$;

-- Does what `place_order` promises, for the kind `delete_image`: the end of an image of one of the source's accounts. An account's protection
-- binds its own API only.
create function hostal.accept_image_deletion(source text, external_ref text, spec jsonb) returns bigint language plpgsql as $$
declare
    placed bigint;
    made boolean;
    account bigint;
    number bigint;
begin
    select * into placed, made from hostal.insert_order(source, external_ref, 'delete_image', spec);
    if not made then return placed; end if;
    perform hostal.refuse_unknown_fields(spec, array['image']);
    number := hostal.required_number(spec, 'image');
    select a.id into account from hostal.images i join hostal.accounts a on a.id = i.account_id
     where i.id = number and a.source = accept_image_deletion.source;
    perform hostal.delete_image(account, number, false);
    update hostal.orders o set account_id = account, state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed;
    return placed;
end
$$;
