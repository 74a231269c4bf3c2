-- How many servers an account has that are not deleted: lists say it on every page, and counting thousands each time is most of their cost.
alter table hostal.accounts add column servers int not null default 0;
update hostal.accounts a set servers = (select count(*) from hostal.servers s where s.account_id = a.id and s.state <> 'deleted');

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
