-- Why a server may not be used. One for each reason: lifting one never lifts another. docs/orders.md documents suspend and unsuspend.
create table hostal.holds (
    server_id  bigint not null references hostal.servers,
    reason     text not null check (reason in ('billing', 'abuse', 'traffic', 'operator')),
    -- For operators; customers see reason and time.
    note       text not null default '' check (length(note) <= 500),
    since      timestamptz not null default now(),
    placed_by  text not null,
    primary key (server_id, reason)
);

-- It had power when it was put on hold: it gets that back when the last hold is lifted.
alter table hostal.servers add column resume_power boolean not null default false;

alter table hostal.orders drop constraint orders_kind_check;
alter table hostal.orders add constraint orders_kind_check check (kind in (
    'create', 'delete', 'reinstall', 'resize', 'undo', 'purge', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
    'reset_password', 'change_protection', 'suspend', 'unsuspend'));

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
-- reinstalled, resized or brought back takes no other than its deletion; one that is being deleted takes none; the short ones (power, password)
-- queue, and whatever comes after them.
create or replace function hostal.refuse_collision(kind text, server bigint) returns void language plpgsql as $$
declare
    other record;
begin
    perform hostal.refuse_held(kind, server);
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

create or replace function hostal.cancel_queued(server bigint) returns void language sql as $$
    select hostal.cancel_waiting(server, array['delete-server'], 'the server is being deleted');
$$;

-- Does what `place_order` promises, for the kinds `suspend` and `unsuspend`. `operator` is who asks, for any server; null for a billing system,
-- which has its own servers only. Always taken: what runs is finished first, what waits is cancelled.
create function hostal.accept_hold(source text, external_ref text, kind text, spec jsonb, operator text) returns bigint language plpgsql as $$
declare
    fields constant text[] := case kind when 'suspend' then array['note', 'reason'] else array['reason'] end;
    reasons constant text[] := array['billing', 'abuse', 'traffic'] || case when operator is null then '{}' else array['operator'] end;
    hash bytea;
    placed hostal.orders;
    server hostal.servers;
    hold_reason text;
    changed boolean;
    workflow text;
begin
    if external_ref is null or external_ref = '' or length(external_ref) > 200 then
        perform hostal.refuse('external_ref', 'must have 1 to 200 characters');
    end if;
    if spec is null or jsonb_typeof(spec) <> 'object' then
        perform hostal.refuse('spec', 'must be a JSON object');
    end if;
    hash := sha256(convert_to(kind || ' ' || spec::text, 'UTF8'));
    insert into hostal.orders (source, external_ref, request_hash, kind, spec) values (source, external_ref, hash, kind, spec)
    on conflict on constraint orders_source_external_ref_key do nothing
    returning * into placed;
    if placed.id is null then
        select * into placed from hostal.orders o where o.source = accept_hold.source and o.external_ref = accept_hold.external_ref;
        if placed.request_hash <> hash then
            raise exception using errcode = 'HO002',
                message = format('conflicting order: reference "%s" is order %s, which asked for something else', external_ref, placed.id),
                hint = 'use a new external_ref for a new request', detail = 'external_ref';
        end if;
        return placed.id;
    end if;

    if operator is null then
        server := hostal.find_server(source, null, spec, fields);
    else
        perform hostal.refuse_unknown_fields(spec, array['server'] || fields);
        if jsonb_typeof(spec -> 'server') is distinct from 'number' or spec ->> 'server' !~ '^[0-9]{1,18}$' then
            perform hostal.refuse('server', 'must be a number');
        end if;
        select s.* into server from hostal.servers s where s.id = (spec ->> 'server')::bigint;
        if server.id is null then perform hostal.refuse('server', format('there is no server %s', spec ->> 'server')); end if;
    end if;
    select * into server from hostal.servers s where s.id = server.id for update;
    update hostal.orders o set account_id = server.account_id, server_id = server.id where o.id = placed.id;
    if server.state in ('deleting', 'deleted') then
        perform hostal.refuse_now('HO005', kind, server.id, format('it is %s', case server.state when 'deleted' then 'deleted' else 'being deleted' end));
    end if;
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
        values (format('hold.%s:%s', case kind when 'suspend' then 'placed' else 'lifted' end, placed.id),
                case kind when 'suspend' then 'hold.placed' else 'hold.lifted' end, server.account_id, server.id, placed.id,
                jsonb_build_object('reason', hold_reason));
    end if;
    if workflow is null then
        update hostal.orders o set state = 'succeeded', started_at = now(), finished_at = now() where o.id = placed.id;
    else
        perform hostal.open_job(placed.id, server.id, server.host_id, workflow);
    end if;
    return placed.id;
end
$$;

-- Places an order, exactly once for each (source, external_ref), and returns its id. The same reference with the same request returns the
-- same id; with another request it is refused (HO002). A bad request is refused with its field (HO001); one that the server cannot take now
-- with HO003 (busy), HO004 (protected), HO005 (in no state for it) or HO006 (on hold). It never waits for the work.
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
    if kind in ('suspend', 'unsuspend') then
        return hostal.accept_hold(source, external_ref, kind, spec, null);
    end if;
    return hostal.accept_order(source, external_ref, kind, spec, null);
end
$$;

-- The same for one account: what its own API asks for. Such orders have the source `account:N`, which no caller of `place_order` can have.
-- Who may not use a server may not make it disappear either.
create or replace function hostal.place_account_order(account bigint, external_ref text, kind text, spec jsonb) returns bigint
language plpgsql as $$
begin
    insert into hostal.sources (name, owner) values ('account:' || account, session_user) on conflict (name) do nothing;
    if kind = 'delete' and spec ->> 'server' ~ '^[0-9]{1,18}$' then
        perform from hostal.servers s where s.id = (spec ->> 'server')::bigint and s.account_id = account for update;
        if found then perform hostal.refuse_held(kind, (spec ->> 'server')::bigint); end if;
    end if;
    return hostal.accept_order('account:' || account, external_ref, kind, spec, account);
end
$$;

-- A hold that an operator puts on any server, or lifts: kind `suspend` or `unsuspend`. No caller of `place_order` can have this source.
create function hostal.place_operator_hold(operator text, external_ref text, kind text, spec jsonb) returns bigint language plpgsql as $$
begin
    insert into hostal.sources (name, owner) values ('hostal:operators', session_user) on conflict (name) do nothing;
    return hostal.accept_hold('hostal:operators', external_ref, kind, spec, operator);
end
$$;

revoke all on all functions in schema hostal from public;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
