-- What an order is refused for (docs/orders.md). `required_…` and `checked_…` return a field, `chosen_…` and `find_…` what one names.

-- Refuses an order, naming the field. SQLSTATE HO001, so that callers can tell it from other errors; DETAIL holds the field alone.
create function hostal.refuse(field text, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = 'HO001', message = format('invalid order: %s: %s', field, reason), detail = field;
end
$$;

-- Refuses an order for what its server is or does now. HO003: the server is busy; HO004: it is protected; HO005: it is in no state for it;
-- HO006: it is on hold.
create function hostal.refuse_now(code text, kind text, server bigint, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = code, detail = 'server', message = format('cannot %s server %s: %s', case kind
        when 'poweron' then 'power on' when 'poweroff' then 'power off' when 'shutdown' then 'shut down'
        when 'undo' then 'undo the reinstallation of' when 'reset_password' then 'reset the password of'
        when 'change_protection' then 'change the protection of' when 'create_image' then 'make an image of'
        when 'flatten' then 'flatten the disk of' else kind end, server, reason);
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

-- A whole number, 0 or more.
create function hostal.required_number(spec jsonb, field text) returns bigint language plpgsql as $$
begin
    if jsonb_typeof(spec -> field) is distinct from 'number' or spec ->> field !~ '^[0-9]{1,18}$' then
        perform hostal.refuse(field, 'must be a number');
    end if;
    return (spec ->> field)::bigint;
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

create function hostal.chosen_location(spec jsonb) returns bigint language plpgsql as $$
declare
    chosen bigint;
begin
    if not spec ? 'location' then return null; end if;
    select l.id into chosen from hostal.locations l where l.name = hostal.required_text(spec, 'location', 63);
    if chosen is null then
        perform hostal.refuse('location', format('there is no location "%s"; locations are %s', spec ->> 'location',
            (select string_agg(l.name, ', ' order by l.name) from hostal.locations l)));
    end if;
    return chosen;
end
$$;

create function hostal.refuse_image(wanted text) returns void language plpgsql as $$
begin
    perform hostal.refuse('image', format('there is no image "%s"; images are %s', wanted,
        coalesce((select string_agg(i.name, ', ' order by i.name) from hostal.images i where i.active and i.account_id is null), 'not imported yet')));
end
$$;

create function hostal.refuse_large_image(image hostal.images, disk_gib bigint) returns void language plpgsql as $$
begin
    if image.virtual_size > disk_gib << 30 then
        perform hostal.refuse('image', format('"%s" needs a disk of %s GiB; the disk has %s GiB', image.name,
            (image.virtual_size + (1 << 30) - 1) >> 30, disk_gib));
    end if;
end
$$;

-- One of the provider's, by name or number, or one of the account's own, by number. Locked against being deleted before the order is placed.
create function hostal.chosen_image(spec jsonb, account bigint, disk_gib bigint) returns hostal.images language plpgsql as $$
declare
    wanted constant text := hostal.required_text(spec, 'image', 63);
    chosen hostal.images;
begin
    -- Twice: an import that this waits for has made another row the one with this name.
    for attempt in 1..2 loop
        select * into chosen from hostal.images i
         where i.active and case when wanted ~ '^[0-9]{1,18}$' then i.id = wanted::bigint and (i.account_id is null or i.account_id = account)
                                 else i.name = wanted and i.account_id is null end for share;
        exit when found;
    end loop;
    if chosen.id is null then perform hostal.refuse_image(wanted); end if;
    perform hostal.refuse_large_image(chosen, disk_gib);
    return chosen;
end
$$;

-- The server that an order is about: `{"server": 17}`, or `{"service": "812"}` for the server that this source created with reference 812.
-- Of one account where that is given, else of any of the source's.
create function hostal.find_server(source text, account_id bigint, spec jsonb, fields text[]) returns hostal.servers language plpgsql as $$
declare
    found_server hostal.servers;
    number bigint;
begin
    perform hostal.refuse_unknown_fields(spec, array['server', 'service'] || fields);
    if (spec ? 'server') = (spec ? 'service') then
        perform hostal.refuse('server', 'give either "server", a number, or "service", the reference of the order that created it');
    end if;
    if spec ? 'server' then
        number := hostal.required_number(spec, 'server');
        select s.* into found_server from hostal.servers s join hostal.accounts a on a.id = s.account_id
         where s.id = number
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

create function hostal.refuse_ended(kind text, server hostal.servers) returns void language plpgsql as $$
begin
    if server.state in ('deleting', 'deleted') then
        perform hostal.refuse_now('HO005', kind, server.id, format('it is %s', case server.state when 'deleted' then 'deleted' else 'being deleted' end));
    end if;
end
$$;

create function hostal.refuse_held(kind text, server bigint) returns void language plpgsql as $$
declare
    reasons text;
begin
    select string_agg(h.reason, ', ' order by h.since, h.reason) into reasons from hostal.holds h where h.server_id = refuse_held.server;
    if reasons is not null then
        perform hostal.refuse_now('HO006', kind, server, format('it is on hold (%s) until the provider lifts that', reasons));
    end if;
end
$$;

-- What may run beside or behind what. A server that is on hold takes no order but its deletion by its provider; one that is being created,
-- reinstalled, resized, brought back or copied takes no other than its deletion; one that is being deleted takes none; the short ones (power,
-- password) queue, and whatever comes after them.
create function hostal.refuse_collision(kind text, server bigint) returns void language plpgsql as $$
declare
    other record;
begin
    perform hostal.refuse_held(kind, server);
    select o.id, o.kind, j.state into other from hostal.jobs j join hostal.orders o on o.id = j.order_id
     where j.server_id = server and j.state in ('open', 'queued', 'stuck')
       and (j.state = 'stuck' or o.kind in ('delete', 'create', 'reinstall', 'resize', 'undo', 'create_image'))
     order by o.kind = 'delete' desc, j.id limit 1;
    if other.id is null then return; end if;
    perform hostal.refuse_now('HO003', kind, server, case
        when other.kind = 'delete' then 'it is being deleted'
        when other.state = 'stuck' then format('order %s (%s) waits for an operator', other.id, other.kind)
        else format('order %s (%s) is not over yet', other.id, other.kind) end);
end
$$;
