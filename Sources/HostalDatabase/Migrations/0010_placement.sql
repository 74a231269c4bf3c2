-- Where a server is to be, if its customer said so: null means anywhere.
alter table hostal.servers add column location_id bigint references hostal.locations;

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

-- Makes a server row for a create order. Called with the order's row already there, so nobody else makes one for it.
-- `account` is whose the server is; null for a billing system, which names its own customer in the spec.
create or replace function hostal.make_server(source text, account_id bigint, spec jsonb) returns hostal.servers language plpgsql as $$
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
    image := hostal.chosen_image(spec, (plan.definition ->> 'disk_gib')::bigint);
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

revoke all on all functions in schema hostal from public;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
