-- Images that customers make of their servers' disks, and disks that are made to need no image.

alter table hostal.images
    -- Whose it is: null is the provider's, which everybody may use. Nobody else ever sees or uses an account's.
    add column account_id        bigint references hostal.accounts,
    add column description       text not null default '' check (length(description) <= 255),
    add column labels            jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    -- What it was made of, and by which order; `host_id` is whose library has the file.
    add column server_id         bigint references hostal.servers,
    add column order_id          bigint unique references hostal.orders,
    add column host_id           bigint references hostal.hosts,
    -- Of the file.
    add column bytes             bigint check (bytes > 0),
    add column delete_protected  boolean not null default false,
    -- Disks that were made from it may need it still.
    add column deleted_at        timestamptz,
    -- Nothing is left of its file in the library.
    add column removed_at        timestamptz,
    alter column digest drop not null,
    alter column format drop not null,
    alter column virtual_size drop not null,
    alter column location drop not null,
    -- Being made until all is known of it.
    add constraint images_whole check (digest is not null and format is not null and virtual_size is not null and location is not null
        or not active and account_id is not null and digest is null and format is null and virtual_size is null and location is null),
    add constraint images_made check ((account_id is null) = (order_id is null)),
    add constraint images_deleted check (not active or deleted_at is null);
drop index hostal.images_one_active;
alter table hostal.images drop constraint images_name_digest_key;
create unique index images_one_of_content on hostal.images (name, digest) where account_id is null;
create unique index images_one_active on hostal.images (name) where active and account_id is null;
create index images_of_account on hostal.images (account_id, id) where account_id is not null and deleted_at is null;

alter table hostal.orders drop constraint orders_kind_check;
alter table hostal.orders add constraint orders_kind_check check (kind in (
    'create', 'delete', 'reinstall', 'resize', 'undo', 'purge', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
    'reset_password', 'change_protection', 'suspend', 'unsuspend', 'create_image', 'flatten'));

-- By the name of one of the provider's, or by number. Locked against being deleted before the order is placed. Whose it is, and whether it
-- fits, is for `keep_images_apart` where it is an account's: only the row that will use it tells the account.
create or replace function hostal.chosen_image(spec jsonb, disk_gib bigint) returns hostal.images language plpgsql as $$
declare
    wanted constant text := hostal.required_text(spec, 'image', 63);
    chosen hostal.images;
begin
    select * into chosen from hostal.images i where i.name = wanted and i.account_id is null and i.active for share;
    if chosen.id is null and wanted ~ '^[0-9]{1,18}$' then
        select * into chosen from hostal.images i where i.id = wanted::bigint and i.active for share;
    end if;
    if chosen.id is null then perform hostal.refuse_image(wanted); end if;
    if chosen.account_id is null then perform hostal.refuse_large_image(chosen, disk_gib); end if;
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

-- No server is ever made of another account's image, whatever places the order. The answer is the one for an image that is not there.
create function hostal.keep_images_apart() returns trigger language plpgsql as $$
declare
    image hostal.images;
    server hostal.servers;
begin
    select * into image from hostal.images i where i.id = new.image_id;
    if image.account_id is null then return new; end if;
    if tg_table_name = 'servers' then server := new; else select * into server from hostal.servers s where s.id = new.server_id; end if;
    if image.account_id <> server.account_id then perform hostal.refuse_image(image.id::text); end if;
    perform hostal.refuse_large_image(image, (server.plan ->> 'disk_gib')::bigint);
    return new;
end
$$;
create trigger servers_keep_images_apart before insert on hostal.servers
    for each row execute function hostal.keep_images_apart();
create trigger jobs_keep_images_apart before insert on hostal.jobs
    for each row when (new.image_id is not null) execute function hostal.keep_images_apart();

create or replace function hostal.refuse_now(code text, kind text, server bigint, reason text) returns void language plpgsql as $$
begin
    raise exception using errcode = code, detail = 'server', message = format('cannot %s server %s: %s', case kind
        when 'poweron' then 'power on' when 'poweroff' then 'power off' when 'shutdown' then 'shut down'
        when 'undo' then 'undo the reinstallation of' when 'reset_password' then 'reset the password of'
        when 'change_protection' then 'change the protection of' when 'create_image' then 'make an image of'
        when 'flatten' then 'flatten the disk of' else kind end, server, reason);
end
$$;

-- What may run beside or behind what. A server that is on hold takes no order but its deletion by its provider; one that is being created,
-- reinstalled, resized, brought back or copied takes no other than its deletion; one that is being deleted takes none; the short ones (power,
-- password) queue, and whatever comes after them.
create or replace function hostal.refuse_collision(kind text, server bigint) returns void language plpgsql as $$
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

-- Makes the order's job: open, or queued behind the server's open one. Housekeeping gives way: nobody waits for a disk to be flattened. Wakes
-- workers unless others are due anyway: NOTIFY serialises commits, so a burst sends it once, and polling finds the rest.
create or replace function hostal.open_job(
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
     where j.server_id = open_job.server_id and j.state = 'open' and j.workflow = 'flatten-disk';
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

-- The order's row, made once for its reference: null `made` means that it was there, asking for the same.
create function hostal.insert_order(source text, external_ref text, kind text, spec jsonb, out placed bigint, out made boolean) language plpgsql as $$
declare
    hash bytea;
    known hostal.orders;
begin
    if external_ref is null or external_ref = '' or length(external_ref) > 200 then
        perform hostal.refuse('external_ref', 'must have 1 to 200 characters');
    end if;
    if spec is null or jsonb_typeof(spec) <> 'object' then
        perform hostal.refuse('spec', 'must be a JSON object');
    end if;
    hash := sha256(convert_to(kind || ' ' || spec::text, 'UTF8'));
    insert into hostal.orders (source, external_ref, request_hash, kind, spec) values (source, external_ref, hash, kind, spec)
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
    if server.state in ('deleting', 'deleted') then
        perform hostal.refuse_now('HO005', 'create_image', server.id,
            format('it is %s', case server.state when 'deleted' then 'deleted' else 'being deleted' end));
    end if;
    perform hostal.refuse_collision('create_image', server.id);
    if spec ? 'description' and (jsonb_typeof(spec -> 'description') <> 'string' or length(spec ->> 'description') > 255) then
        perform hostal.refuse('description', 'must be a text of at most 255 characters');
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

-- An account's own image is not there any more: no order may name it, and its files go once no disk needs them. Refused with HO001 for one that
-- is not the account's, HO003 for one that is being made, HO004 for a protected one.
create function hostal.delete_image(account bigint, image bigint) returns void language plpgsql as $$
declare
    found_image hostal.images;
begin
    select * into found_image from hostal.images i where i.id = image and i.account_id = account and i.deleted_at is null for update;
    if found_image.id is null then perform hostal.refuse('image', format('there is no image %s', image)); end if;
    if found_image.digest is null then
        raise exception using errcode = 'HO003', detail = 'image',
            message = format('cannot delete image %s: order %s, which makes it, is not over yet', image, found_image.order_id);
    end if;
    if found_image.delete_protected then
        raise exception using errcode = 'HO004', detail = 'image',
            message = format('cannot delete image %s: it is protected against deletion', image);
    end if;
    update hostal.images i set active = false, deleted_at = now() where i.id = image;
end
$$;

-- The front door for billing systems: see docs/orders.md.
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
    if kind is null or kind not in ('create', 'delete', 'reinstall', 'resize', 'undo', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
        'reset_password', 'change_protection', 'suspend', 'unsuspend', 'create_image') then
        perform hostal.refuse('kind', 'must be one of create, delete, reinstall, resize, undo, reboot, reset, shutdown, poweron, poweroff, reset_password, change_protection, suspend, unsuspend, create_image');
    end if;
    return case
        when kind in ('suspend', 'unsuspend') then hostal.accept_hold(source, external_ref, kind, spec, null)
        when kind = 'create_image' then hostal.accept_image(source, external_ref, spec, null)
        else hostal.accept_order(source, external_ref, kind, spec, null) end;
end
$$;

-- The same for one account: what its own API asks for. Such orders have the source `account:N`, which no caller of `place_order` can have.
-- Who may not use a server may not make it disappear either.
create or replace function hostal.place_account_order(account bigint, external_ref text, kind text, spec jsonb) returns bigint
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

-- An operator has a server's disk made independent of its image. Gives way to every other order of the server, and waits for those that run.
create function hostal.place_flatten(external_ref text, spec jsonb) returns bigint language plpgsql as $$
declare
    placed bigint;
    made boolean;
    server hostal.servers;
begin
    insert into hostal.sources (name, owner) values ('hostal:operators', session_user) on conflict (name) do nothing;
    select * into placed, made from hostal.insert_order('hostal:operators', external_ref, 'flatten', spec);
    if not made then return placed; end if;
    perform hostal.refuse_unknown_fields(spec, array['server']);
    if jsonb_typeof(spec -> 'server') is distinct from 'number' or spec ->> 'server' !~ '^[0-9]{1,18}$' then
        perform hostal.refuse('server', 'must be a number');
    end if;
    select * into server from hostal.servers s where s.id = (spec ->> 'server')::bigint for update;
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

-- Orders the flattening of disks whose pool is to have flattened ones, at most `most` at once, one on each host. Servers that are busy, and those
-- whose last such order is less than an hour old, are left for later.
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
         where v.state = 'active' and s.state = 'running' and p.settings ->> 'cloning' = 'flattened' and v.disk #> '{volume,backing}' is not null
           and not exists (select from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'queued', 'stuck'))
           and not exists (select from hostal.jobs j where j.host_id = s.host_id and j.workflow = 'flatten-disk' and j.state in ('open', 'queued'))
           and not exists (select from hostal.orders o where o.server_id = s.id and o.source = 'hostal:flatten'
                              and o.created_at > now() - interval '1 hour')
         order by s.host_id, v.created_at limit most
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

revoke all on all functions in schema hostal from public;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
