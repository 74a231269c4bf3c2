-- What stays true whoever writes.

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
create trigger allocations_counted after insert or update or delete on hostal.allocations
    for each row execute function hostal.count_allocation();

create function hostal.keep_allocations_place() returns trigger language plpgsql as $$
begin
    raise exception 'an allocation stays on its host and in its pool: make another and remove this one';
end
$$;
create trigger allocations_stay before update of host_id, pool_id on hostal.allocations
    for each row when (old.host_id <> new.host_id or old.pool_id <> new.pool_id) execute function hostal.keep_allocations_place();

-- Keeps `accounts.servers` equal to the number of the account's servers that are not deleted.
create function hostal.count_server() returns trigger language plpgsql as $$
declare
    change constant int := coalesce((new.state <> 'deleted')::int, 0) - coalesce((old.state <> 'deleted')::int, 0);
begin
    if change <> 0 then
        update hostal.accounts a set servers = servers + change where a.id = coalesce(new.account_id, old.account_id);
    end if;
    return null;
end
$$;
create trigger servers_counted after insert or update of state or delete on hostal.servers
    for each row execute function hostal.count_server();

-- A server's disks stay in their pool, and so in its class: refused with the order, not when its worker finds out.
create function hostal.keep_storage_class() returns trigger language plpgsql as $$
declare
    present text;
    wanted constant text := coalesce(new.plan ->> 'storage', 'local');
begin
    select coalesce(s.plan ->> 'storage', 'local') into present from hostal.servers s where s.id = new.server_id;
    if present <> wanted then
        perform hostal.refuse('plan', format('the disks of plan "%s" are of storage class "%s"; the server''s are of class "%s" and stay there',
            new.plan ->> 'name', wanted, present));
    end if;
    return new;
end
$$;
create trigger jobs_keep_storage_class before insert on hostal.jobs
    for each row when (new.plan is not null) execute function hostal.keep_storage_class();

-- An image that will not be made is nobody's any more, however its order came to its end.
create function hostal.give_up_image() returns trigger language plpgsql as $$
begin
    update hostal.images i set deleted_at = now() where i.order_id = new.id and i.digest is null;
    return null;
end
$$;
create trigger orders_give_up_images after update of state on hostal.orders
    for each row when (new.state = 'failed' and new.kind = 'create_image') execute function hostal.give_up_image();

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
