-- Hostal's state. Times come from the database's clock; ids that customers see are bigints; names on a host are UUIDs.
-- The migrator has made the schema, for its own table.
create schema if not exists hostal;

-- Sizes that customers buy. `definition` is the validated content of plans/<name>.yaml (docs/plans.md).
create table hostal.plans (
    name        text primary key,
    definition  jsonb not null,
    active      boolean not null default true,
    applied_at  timestamptz not null default now()
);

-- Base disks. One name may have had several contents; the active one is what new orders get.
create table hostal.images (
    id            bigint generated always as identity primary key,
    name          text not null check (name ~ '^[a-z0-9][a-z0-9.-]{0,62}$'),
    digest        text not null check (digest ~ '^[0-9a-f]{64}$'),
    format        text not null check (format in ('raw', 'qcow2')),
    virtual_size  bigint not null check (virtual_size > 0),
    location      text not null,
    active        boolean not null default true,
    created_at    timestamptz not null default now(),
    unique (name, digest)
);
create unique index images_one_active on hostal.images (name) where active;

-- KVM hosts. Totals are what may be sold, over-commitment included; the checks make overselling impossible.
create table hostal.hosts (
    id           bigint generated always as identity primary key,
    name         text not null unique,
    state        text not null default 'accepting'
                 check (state in ('accepting', 'draining', 'maintenance', 'suspect', 'fenced', 'retired')),
    vcpus        int not null check (vcpus >= 0),
    memory_mib   bigint not null check (memory_mib >= 0),
    disk_gib     bigint not null check (disk_gib >= 0),
    used_vcpus       int not null default 0,
    used_memory_mib  bigint not null default 0,
    used_disk_gib    bigint not null default 0,
    constraint hosts_vcpus_not_oversold check (used_vcpus between 0 and vcpus),
    constraint hosts_memory_not_oversold check (used_memory_mib between 0 and memory_mib),
    constraint hosts_disk_not_oversold check (used_disk_gib between 0 and disk_gib)
);

-- A network is a bridge of the same name on each host that carries it.
create table hostal.networks (
    id            bigint generated always as identity primary key,
    name          text not null unique,
    bridge        text not null check (bridge ~ '^[a-zA-Z][a-zA-Z0-9_.-]{0,14}$'),
    name_servers  inet[] not null default '{}' check (cardinality(name_servers) <= 4)
);
create table hostal.host_networks (
    host_id     bigint not null references hostal.hosts on delete cascade,
    network_id  bigint not null references hostal.networks,
    primary key (host_id, network_id)
);

create table hostal.accounts (
    id            bigint generated always as identity primary key,
    source        text not null,
    external_ref  text not null,
    created_at    timestamptz not null default now(),
    unique (source, external_ref)
);

create table hostal.servers (
    id               bigint generated always as identity primary key,
    account_id       bigint not null references hostal.accounts,
    guest            uuid not null unique,
    name             text not null,
    state            text not null check (state in ('creating', 'running', 'deleting', 'deleted')),
    plan             jsonb not null,
    image_id         bigint not null references hostal.images,
    mac              macaddr not null unique,
    generation       int not null default 1 check (generation > 0),
    ssh_keys         text[] not null default '{}',
    host_id          bigint references hostal.hosts,
    -- what the guest reported of itself at its last boot
    host_keys        text[] not null default '{}',
    boot_id          text,
    cloud_init       text,
    created_at       timestamptz not null default now(),
    deleted_at       timestamptz
);
create unique index servers_name_free on hostal.servers (account_id, name) where state <> 'deleted';

-- The customer's cloud-init document, apart from everything that is shown or logged. It goes when the server goes.
create table hostal.server_user_data (
    server_id  bigint primary key references hostal.servers,
    content    text not null
);

-- What a server holds on a host. Sum over a host = the host's used_*; both change in one transaction.
create table hostal.allocations (
    server_id   bigint not null references hostal.servers,
    role        text not null default 'home',
    host_id     bigint not null references hostal.hosts,
    vcpus       int not null,
    memory_mib  bigint not null,
    disk_gib    bigint not null,
    primary key (server_id, role)
);

create table hostal.address_ranges (
    id          bigint generated always as identity primary key,
    network_id  bigint not null references hostal.networks,
    subnet      cidr not null unique,
    gateway     inet not null,
    check (gateway << subnet)
);
create table hostal.addresses (
    ip          inet primary key check (masklen(ip) = case family(ip) when 4 then 32 else 128 end),
    range_id    bigint not null references hostal.address_ranges,
    state       text not null default 'free' check (state in ('free', 'assigned', 'quarantined')),
    server_id   bigint references hostal.servers,
    free_after  timestamptz,
    check ((state = 'assigned') = (server_id is not null)),
    check ((state = 'quarantined') = (free_after is not null))
);
create unique index addresses_one_of_each on hostal.addresses (server_id, family(ip)) where state = 'assigned';
create index addresses_to_give on hostal.addresses (range_id, free_after nulls first, ip) where state <> 'assigned';

-- Who may use which source: the first role that places an order for a source owns it.
create table hostal.sources (
    name   text primary key,
    owner  name not null
);

-- One thing asked for. docs/orders.md documents every column: this table is the contract with billing systems.
create table hostal.orders (
    id            bigint generated always as identity primary key,
    source        text not null references hostal.sources,
    external_ref  text not null,
    request_hash  bytea not null,
    account_id    bigint references hostal.accounts,
    server_id     bigint references hostal.servers,
    kind          text not null check (kind in ('create', 'delete')),
    spec          jsonb not null,
    state         text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed', 'stuck')),
    error         jsonb,
    placed_by     name not null default session_user,
    created_at    timestamptz not null default now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    unique (source, external_ref)
);
create index orders_of_server on hostal.orders (server_id);

-- Drawn at each claim, for all jobs: of two workers that ever acted on one server, the later has the greater number.
create sequence hostal.lease_epochs;

-- A durable run of a workflow. `queued` waits for the server's open job to end.
create table hostal.jobs (
    id                bigint generated always as identity primary key,
    order_id          bigint not null unique references hostal.orders,
    server_id         bigint not null references hostal.servers,
    host_id           bigint references hostal.hosts,
    workflow          text not null,
    workflow_version  int not null default 0,
    step_names        text[] not null default '{}',
    state             text not null default 'open' check (state in ('queued', 'open', 'succeeded', 'failed', 'stuck')),
    direction         text not null default 'forward' check (direction in ('forward', 'unwinding')),
    run_at            timestamptz not null default now(),
    lease_owner       text,
    lease_until       timestamptz,
    lease_epoch       bigint not null default 0,
    attempt           int not null default 0,
    deadline_at       timestamptz,
    progress          int not null default 0 check (progress between 0 and 100),
    waiting_for       text,
    failure           jsonb,
    cancel_requested  boolean not null default false,
    created_at        timestamptz not null default now(),
    finished_at       timestamptz
) with (fillfactor = 70);
create unique index jobs_one_open_per_server on hostal.jobs (server_id) where state in ('open', 'stuck');
create index jobs_due on hostal.jobs (run_at, id) where state = 'open';
create index jobs_queued on hostal.jobs (server_id, id) where state = 'queued';

create table hostal.job_steps (
    job_id       bigint not null references hostal.jobs on delete cascade,
    seq          int not null,
    name         text not null,
    state        text not null check (state in ('intended', 'done', 'failed', 'undoing', 'undone')),
    intent       jsonb not null,
    output       jsonb,
    error        jsonb,
    attempts     int not null default 0,
    started_at   timestamptz not null default clock_timestamp(),
    finished_at  timestamptz,
    undone_at    timestamptz,
    primary key (job_id, seq)
) with (fillfactor = 70);

-- The outbox: what happened, once each, written in the transaction that made it so.
create table hostal.events (
    id          bigint generated always as identity primary key,
    dedupe_key  text not null unique,
    kind        text not null,
    account_id  bigint references hostal.accounts,
    server_id   bigint references hostal.servers,
    order_id    bigint references hostal.orders,
    data        jsonb not null default '{}',
    created_at  timestamptz not null default now()
);
