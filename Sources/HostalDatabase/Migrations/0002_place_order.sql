-- The front door for billing systems. Documented in docs/orders.md.

do $$
begin
    create role hostal_billing nologin;
exception when duplicate_object or unique_violation then
    -- Roles belong to the whole cluster: another database, or another migration at this moment, has made it.
    null;
end
$$;

-- Refuses an order, naming the field. SQLSTATE HO001, so that callers can tell it from other errors; DETAIL holds the field alone.
create function hostal.refuse(field text, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = 'HO001', message = format('invalid order: %s: %s', field, reason), detail = field;
end
$$;

create function hostal.refuse_unknown_fields(spec jsonb, known text[]) returns void language plpgsql as $$
declare
    unknown text;
begin
    select key into unknown from jsonb_object_keys(spec) as key where key <> all (known) order by key limit 1;
    if unknown is not null then
        perform hostal.refuse(left(unknown, 60), format('is not a field of this kind of order; fields are %s', array_to_string(known, ', ')));
    end if;
end
$$;

-- The text of a field. Refuses what is absent, not text, empty, or longer than `longest` characters.
create function hostal.required_text(spec jsonb, field text, longest int) returns text language plpgsql as $$
begin
    if jsonb_typeof(spec -> field) is distinct from 'string' or spec ->> field = '' then
        perform hostal.refuse(field, 'must be a text that is not empty');
    end if;
    if length(spec ->> field) > longest then
        perform hostal.refuse(field, format('has %s characters; at most %s are accepted', length(spec ->> field), longest));
    end if;
    return spec ->> field;
end
$$;

create function hostal.checked_ssh_keys(spec jsonb) returns text[] language plpgsql as $$
declare
    keys text[] := '{}';
    item jsonb;
    seen int := 0;
begin
    if not spec ? 'ssh_keys' then return keys; end if;
    if jsonb_typeof(spec -> 'ssh_keys') <> 'array' or jsonb_array_length(spec -> 'ssh_keys') > 32 then
        perform hostal.refuse('ssh_keys', 'must be a list of at most 32 OpenSSH public keys');
    end if;
    for item in select value from jsonb_array_elements(spec -> 'ssh_keys') loop
        -- One line, a known type, base64, and a comment without control characters: anything else could become options or a second key.
        if jsonb_typeof(item) <> 'string' or length(item #>> '{}') > 16384
           or item #>> '{}' !~ '\A(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) [A-Za-z0-9+/]{16,}={0,3}( [^\x01-\x1f\x7f]*)?\Z' then
            perform hostal.refuse(format('ssh_keys[%s]', seen), 'is not an OpenSSH public key on one line, such as "ssh-ed25519 AAAA… comment"');
        end if;
        keys := keys || (item #>> '{}');
        seen := seen + 1;
    end loop;
    return keys;
end
$$;

-- Makes a server row for a create order. Called with the order's row already there, so nobody else makes one for it.
create function hostal.make_server(source text, spec jsonb) returns hostal.servers language plpgsql as $$
declare
    known constant text[] := array['account', 'image', 'name', 'plan', 'ssh_keys', 'user_data'];
    account hostal.accounts;
    chosen_plan hostal.plans;
    chosen_image hostal.images;
    made hostal.servers;
    new_guest uuid := gen_random_uuid();
    keys text[];
    server_name text;
    account_ref text;
    taken bigint;
begin
    perform hostal.refuse_unknown_fields(spec, known);
    account_ref := hostal.required_text(spec, 'account', 200);
    server_name := hostal.required_text(spec, 'name', 63);
    if server_name !~ '\A[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\Z' then
        perform hostal.refuse('name', 'must be a host name: letters, digits and hyphens, with a letter or digit at both ends');
    end if;
    select * into chosen_plan from hostal.plans p where p.name = hostal.required_text(spec, 'plan', 63) and p.active;
    if chosen_plan.name is null then
        perform hostal.refuse('plan', format('there is no plan "%s"; plans are %s', spec ->> 'plan',
            coalesce((select string_agg(p.name, ', ' order by p.name) from hostal.plans p where p.active), 'not loaded yet')));
    end if;
    select * into chosen_image from hostal.images i where i.name = hostal.required_text(spec, 'image', 63) and i.active;
    if chosen_image.id is null then
        perform hostal.refuse('image', format('there is no image "%s"; images are %s', spec ->> 'image',
            coalesce((select string_agg(i.name, ', ' order by i.name) from hostal.images i where i.active), 'not imported yet')));
    end if;
    if chosen_image.virtual_size > (chosen_plan.definition ->> 'disk_gib')::bigint << 30 then
        perform hostal.refuse('plan', format('the disk of plan "%s" has %s GiB; image "%s" needs %s GiB', chosen_plan.name,
            chosen_plan.definition ->> 'disk_gib', chosen_image.name, (chosen_image.virtual_size + (1 << 30) - 1) >> 30));
    end if;
    keys := hostal.checked_ssh_keys(spec);
    if spec ? 'user_data' and jsonb_typeof(spec -> 'user_data') <> 'string' then
        perform hostal.refuse('user_data', 'must be a text');
    end if;
    if octet_length(spec ->> 'user_data') > 32768 then
        perform hostal.refuse('user_data', format('has %s bytes; at most 32768 are accepted', octet_length(spec ->> 'user_data')));
    end if;

    insert into hostal.accounts (source, external_ref) values (make_server.source, account_ref)
        on conflict on constraint accounts_source_external_ref_key do nothing;
    -- Locked: of two orders for one name at once, the second sees the first's server.
    select * into account from hostal.accounts a where a.source = make_server.source and a.external_ref = account_ref for update;
    select s.id into taken from hostal.servers s where s.account_id = account.id and s.name = server_name and s.state <> 'deleted';
    if taken is not null then
        perform hostal.refuse('name', format('"%s" is the name of server %s of this account', server_name, taken));
    end if;
    insert into hostal.servers (account_id, guest, name, state, plan, image_id, mac, ssh_keys)
    values (account.id, new_guest, server_name, 'creating', chosen_plan.definition, chosen_image.id,
            -- Locally administered, and as random as the guest's own id: unique beyond this database.
            ('02' || substr(replace(new_guest::text, '-', ''), 1, 10))::macaddr, keys)
    returning * into made;
    if spec ? 'user_data' then
        insert into hostal.server_user_data (server_id, content) values (made.id, spec ->> 'user_data');
    end if;
    return made;
end
$$;

-- The server that an order other than create is about: `{"server": 17}`, or `{"service": "812"}` for the server that this source
-- created with reference 812.
create function hostal.find_server(source text, spec jsonb) returns hostal.servers language plpgsql as $$
declare
    found_server hostal.servers;
begin
    perform hostal.refuse_unknown_fields(spec, array['server', 'service']);
    if (spec ? 'server') = (spec ? 'service') then
        perform hostal.refuse('server', 'give either "server", a number, or "service", the reference of the order that created it');
    end if;
    if spec ? 'server' then
        if jsonb_typeof(spec -> 'server') <> 'number' or spec ->> 'server' !~ '^[0-9]{1,18}$' then
            perform hostal.refuse('server', 'must be a number');
        end if;
        select s.* into found_server from hostal.servers s join hostal.accounts a on a.id = s.account_id
         where s.id = (spec ->> 'server')::bigint and a.source = find_server.source;
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

-- Makes the order's job: open, or queued behind the server's open one. Wakes workers unless others are due anyway: NOTIFY serialises
-- commits, so a burst sends it once, and polling finds the rest.
create function hostal.open_job(order_id bigint, server_id bigint, host_id bigint, workflow text) returns void language plpgsql as $$
declare
    busy boolean;
begin
    -- Whoever opens or ends a job of this server holds this lock.
    perform from hostal.servers s where s.id = open_job.server_id for update;
    if (select count(*) from hostal.jobs j where j.server_id = open_job.server_id and j.state = 'queued') >= 16 then
        perform hostal.refuse('server', '16 orders are waiting for this server already');
    end if;
    busy := exists (select from hostal.jobs j where j.server_id = open_job.server_id and j.state in ('open', 'stuck'));
    insert into hostal.jobs (order_id, server_id, host_id, workflow, state)
    values (open_job.order_id, open_job.server_id, open_job.host_id, open_job.workflow, case when busy then 'queued' else 'open' end);
    if not busy and (select count(*) from (select from hostal.jobs j where j.state = 'open' and j.run_at <= now()
                      and j.lease_until is null and j.order_id <> open_job.order_id limit 1) due) = 0 then
        notify hostal_jobs;
    end if;
end
$$;

-- Places an order, exactly once for each (source, external_ref), and returns its id. The same reference with the same request returns the
-- same id; with another request it is refused (HO002). A bad request is refused with its field (HO001). It never waits for the work.
create function hostal.place_order(source text, external_ref text, kind text, spec jsonb) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    hash bytea;
    placed hostal.orders;
    server hostal.servers;
    source_owner name;
begin
    if source is null or source !~ '\A[a-z0-9][a-z0-9_-]{0,62}\Z' then
        perform hostal.refuse('source', 'must be 1 to 63 lower-case letters, digits, hyphens and underscores');
    end if;
    if external_ref is null or external_ref = '' or length(external_ref) > 200 then
        perform hostal.refuse('external_ref', 'must have 1 to 200 characters');
    end if;
    if kind is null or kind not in ('create', 'delete') then
        perform hostal.refuse('kind', 'must be one of create, delete');
    end if;
    if spec is null or jsonb_typeof(spec) <> 'object' then
        perform hostal.refuse('spec', 'must be a JSON object');
    end if;

    insert into hostal.sources (name, owner) values (source, session_user) on conflict (name) do nothing;
    select s.owner into source_owner from hostal.sources s where s.name = place_order.source;
    if source_owner <> session_user then
        perform hostal.refuse('source', 'belongs to another caller');
    end if;

    -- jsonb prints equal documents equally, whatever the order of their keys.
    hash := sha256(convert_to(kind || ' ' || spec::text, 'UTF8'));
    -- User-data may hold secrets: it is kept apart, and the order shows only that there is some.
    insert into hostal.orders (source, external_ref, request_hash, kind, spec)
    values (source, external_ref, hash, kind,
            case when spec ? 'user_data' then spec || '{"user_data": "(kept apart)"}'::jsonb else spec end)
    on conflict on constraint orders_source_external_ref_key do nothing
    returning * into placed;

    if placed.id is null then
        select * into placed from hostal.orders o where o.source = place_order.source and o.external_ref = place_order.external_ref;
        if placed.request_hash <> hash then
            raise exception using errcode = 'HO002',
                message = format('conflicting order: reference "%s" is order %s, which asked for something else', external_ref, placed.id),
                hint = 'use a new external_ref for a new request', detail = 'external_ref';
        end if;
        return placed.id;
    end if;

    if kind = 'create' then
        server := hostal.make_server(source, spec);
        update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed.id;
        perform hostal.open_job(placed.id, server.id, null, 'create-server');
    else
        server := hostal.find_server(source, spec);
        perform from hostal.servers s where s.id = server.id for update;
        select * into server from hostal.servers s where s.id = server.id;
        update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed.id;
        if server.state = 'deleted' then
            -- A repeated termination is a success.
            update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed.id;
        else
            -- Deletion wins over what is still being built: it unwinds, then the deletion finds nothing or removes what is there.
            update hostal.jobs j set cancel_requested = true, run_at = least(run_at, now())
             where j.server_id = server.id and j.state = 'open' and j.workflow <> 'delete-server';
            update hostal.servers s set state = 'deleting' where s.id = server.id and s.state <> 'creating';
            perform hostal.open_job(placed.id, server.id, server.host_id, 'delete-server');
        end if;
    end if;
    return placed.id;
end
$$;

-- What a billing system sees: the orders that its own role has placed, without anything of hosts.
create view hostal.my_orders with (security_barrier) as
    select o.id, o.source, o.external_ref, o.kind, o.server_id, s.name as server_name, s.state as server_state, o.state,
           case when o.state = 'succeeded' then 100 else coalesce(j.progress, 0) end as progress,
           case when o.state in ('queued', 'running') then coalesce(j.waiting_for, case when j.state = 'queued' then 'an earlier order for this server' end) end as waiting_for,
           o.error ->> 'code' as error_code, o.error ->> 'message' as error_message,
           (select array_agg(host(a.ip) order by family(a.ip)) from hostal.addresses a where a.server_id = o.server_id) as addresses,
           o.created_at, o.started_at, o.finished_at
      from hostal.orders o
      left join hostal.servers s on s.id = o.server_id
      left join hostal.jobs j on j.order_id = o.id
     where o.placed_by = session_user;

revoke all on schema hostal from public;
revoke all on all functions in schema hostal from public;
grant usage on schema hostal to hostal_billing;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
grant select on hostal.my_orders to hostal_billing;
