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

-- When a step's undoing began: what an undo waits for is counted from then, not from the step's own beginning.
alter table hostal.job_steps add column undo_started_at timestamptz;

revoke all on all functions in schema hostal from public;
grant execute on function hostal.place_order(text, text, text, jsonb) to hostal_billing;
