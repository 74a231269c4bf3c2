-- Hostal's state. Times come from the database's clock; ids that customers see are bigints; names on a host are UUIDs.
-- The migrator has made the schema, for its own table.
create schema if not exists hostal;

-- Room: what there is, and what of it is sold.

-- Where hosts stand, as customers see it. One is there from the start; `hostalctl location set` describes it.
create table hostal.locations (
    id            bigint generated always as identity primary key,
    name          text not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    description   text not null default '',
    country       text not null default '' check (country ~ '^([A-Z]{2})?$'),
    city          text not null default '',
    network_zone  text not null default 'default'
);
insert into hostal.locations (name, description) values ('default', 'the first location');

-- KVM hosts. Totals are what may be sold, over-commitment included; the checks make overselling impossible.
create table hostal.hosts (
    id               bigint generated always as identity primary key,
    name             text not null unique,
    location_id      bigint not null default 1 references hostal.locations,
    state            text not null default 'accepting'
                     check (state in ('accepting', 'draining', 'maintenance', 'suspect', 'fenced', 'retired')),
    -- Where its libvirt is reached from elsewhere: what an API's process needs to open consoles of a host that it does not run on.
    libvirt_uri      text check (libvirt_uri ~ '^[a-z0-9+]+://[!-~]*$' and length(libvirt_uri) <= 2048),
    vcpus            int not null check (vcpus >= 0),
    memory_mib       bigint not null check (memory_mib >= 0),
    used_vcpus       int not null default 0,
    used_memory_mib  bigint not null default 0,
    constraint hosts_vcpus_not_oversold check (used_vcpus between 0 and vcpus),
    constraint hosts_memory_not_oversold check (used_memory_mib between 0 and memory_mib)
);

-- Pools that disks lie in. docs/storage.md documents kinds and their settings.
create table hostal.pools (
    id            bigint generated always as identity primary key,
    name          text not null unique check (name ~ '^[a-zA-Z0-9][a-zA-Z0-9.-]{0,79}$'),
    kind          text not null check (kind in ('local', 'nfs', 'iscsi', 'rbd')),
    class         text not null check (class ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    -- of the kind, without secrets
    settings      jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    state         text not null default 'accepting' check (state in ('accepting', 'draining')),
    capacity_gib  bigint not null check (capacity_gib >= 0),
    over_commit   numeric(5, 2) not null default 1 check (over_commit between 1 and 100),
    -- what may be sold
    sellable_gib  bigint not null generated always as (floor(capacity_gib * over_commit)::bigint) stored,
    used_gib      bigint not null default 0,
    constraint pools_not_oversold check (used_gib between 0 and floor(capacity_gib * over_commit))
);
create table hostal.host_pools (
    host_id  bigint not null references hostal.hosts on delete cascade,
    pool_id  bigint not null references hostal.pools,
    primary key (host_id, pool_id)
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
create table hostal.address_ranges (
    id          bigint generated always as identity primary key,
    network_id  bigint not null references hostal.networks,
    subnet      cidr not null unique,
    gateway     inet not null,
    check (gateway << subnet)
);

-- Who buys, and what is on sale.

create table hostal.accounts (
    id            bigint generated always as identity primary key,
    source        text not null,
    external_ref  text not null,
    created_at    timestamptz not null default now(),
    -- How many it has that are not deleted: lists say it on every page, and counting thousands each time is most of their cost.
    servers       int not null default 0,
    unique (source, external_ref)
);

-- Sizes that customers buy. `definition` is the validated content of plans/<name>.yaml (docs/plans.md).
create table hostal.plans (
    id          bigint generated always as identity unique,
    name        text primary key,
    definition  jsonb not null,
    active      boolean not null default true,
    applied_at  timestamptz not null default now()
);

-- Base disks: the provider's, and those that customers make of their servers' disks. One name of the provider's may have had several
-- contents; the active one is what new orders get.
create table hostal.images (
    id                bigint generated always as identity primary key,
    -- Not a number: orders name images by either.
    name              text not null check (name ~ '^[a-z0-9][a-z0-9.-]{0,62}$' and name !~ '^[0-9]+$'),
    digest            text check (digest ~ '^[0-9a-f]{64}$'),
    format            text check (format in ('raw', 'qcow2')),
    virtual_size      bigint check (virtual_size > 0),
    location          text,
    active            boolean not null default true,
    created_at        timestamptz not null default now(),
    -- Whose it is: null is the provider's, which everybody may use. Nobody else ever sees or uses an account's.
    account_id        bigint references hostal.accounts,
    description       text not null default '' check (length(description) <= 255 and description !~ '[\x01-\x1f\x7f-\x9f]'),
    labels            jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    -- What it was made of, and by which order; `host_id` is whose library has the file.
    server_id         bigint,
    order_id          bigint unique,
    host_id           bigint references hostal.hosts,
    -- Of the file.
    bytes             bigint check (bytes > 0),
    -- Whether the guest held its writes back, or was off, while the moment was taken; else it is as after a power cut.
    consistent        boolean,
    delete_protected  boolean not null default false,
    -- Disks that were made from it may need it still.
    deleted_at        timestamptz,
    -- Nothing is left of its file in the library.
    removed_at        timestamptz,
    -- Being made until all is known of it.
    constraint images_whole check (digest is not null and format is not null and virtual_size is not null and location is not null
        or not active and account_id is not null and digest is null and format is null and virtual_size is null and location is null),
    constraint images_made check ((account_id is null) = (order_id is null)),
    constraint images_deleted check (not active or deleted_at is null)
);
create unique index images_one_of_content on hostal.images (name, digest) where account_id is null;
create unique index images_one_active on hostal.images (name) where active and account_id is null;
create index images_of_account on hostal.images (account_id, id) where account_id is not null and deleted_at is null;

-- Servers, and what each of them has.

create table hostal.servers (
    id                 bigint generated always as identity primary key,
    account_id         bigint not null references hostal.accounts,
    guest              uuid not null unique,
    name               text not null,
    state              text not null check (state in ('creating', 'running', 'deleting', 'deleted')),
    plan               jsonb not null,
    image_id           bigint not null references hostal.images,
    mac                macaddr not null unique,
    ssh_keys           text[] not null default '{}',
    labels             jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    delete_protected   boolean not null default false,
    rebuild_protected  boolean not null default false,
    -- Where it is to be, if its customer said so: null means anywhere.
    location_id        bigint references hostal.locations,
    host_id            bigint references hostal.hosts,
    -- Whether the guest has power: as the last order left it, or as its host last saw it.
    power              text not null default 'on' check (power in ('on', 'off')),
    -- It had power when it was put on hold: it gets that back when the last hold is lifted.
    resume_power       boolean not null default false,
    generation         int not null default 1 check (generation > 0),
    -- Counts disks; a disk's number is never used again.
    last_generation    int not null default 1 check (last_generation >= generation),
    -- Which seed its present disk has run: what its reports carry.
    instance_id        text,
    -- what the guest reported of itself at its last boot
    host_keys          text[] not null default '{}',
    boot_id            text,
    cloud_init         text,
    created_at         timestamptz not null default now(),
    deleted_at         timestamptz
);
create unique index servers_name_free on hostal.servers (account_id, name) where state <> 'deleted';
create index servers_of_account on hostal.servers (account_id, id) where state <> 'deleted';

-- The customer's cloud-init document, apart from everything that is shown or logged. It goes when the server goes.
create table hostal.server_user_data (
    server_id  bigint primary key references hostal.servers,
    content    text not null
);

-- Disks of servers. A server runs from its active one; a kept one waits until `keep_until` for an undo, one of a deleted server for its
-- provider; then it is purged. `disk` is what steps need to attach it again without reading a header that a guest may have written.
create table hostal.volumes (
    server_id    bigint not null references hostal.servers,
    generation   int not null check (generation > 0),
    state        text not null check (state in ('active', 'kept', 'deleted')),
    image_id     bigint not null references hostal.images,
    instance_id  text not null,
    disk         jsonb not null,
    host_keys    text[] not null default '{}',
    keep_until   timestamptz,
    created_at   timestamptz not null default now(),
    primary key (server_id, generation),
    constraint volumes_keep_until_check check ((state = 'active') = (keep_until is null))
);
create unique index volumes_one_active on hostal.volumes (server_id) where state = 'active';
create index volumes_to_purge on hostal.volumes (keep_until) where state <> 'active';

-- What a server holds on a host and in a pool, which count the sum of it in `used_…`.
create table hostal.allocations (
    server_id   bigint not null references hostal.servers,
    role        text not null default 'home',
    host_id     bigint not null references hostal.hosts,
    pool_id     bigint not null references hostal.pools,
    vcpus       int not null,
    memory_mib  bigint not null,
    disk_gib    bigint not null,
    primary key (server_id, role)
);

create table hostal.addresses (
    id          bigint generated always as identity unique,
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

-- What is asked for, and what is done about it.

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
    kind          text not null check (kind in (
                      'create', 'delete', 'reinstall', 'resize', 'undo', 'purge', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
                      'reset_password', 'change_protection', 'suspend', 'unsuspend', 'create_image', 'delete_image', 'flatten')),
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
create index orders_of_account on hostal.orders (account_id, id);

-- An image points at the server and the order that it came of, which came of an image.
alter table hostal.images
    add foreign key (server_id) references hostal.servers,
    add foreign key (order_id) references hostal.orders;

-- What an order was given that nobody may see later. It goes when the order is over.
create table hostal.order_secrets (
    order_id       bigint primary key references hostal.orders on delete cascade,
    user_data      text,
    password_hash  text
);

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
    -- What it is to make true, where it is not what the server is already.
    generation        int,
    image_id          bigint references hostal.images,
    plan              jsonb,
    options           jsonb not null default '{}',
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
    job_id           bigint not null references hostal.jobs on delete cascade,
    seq              int not null,
    name             text not null,
    state            text not null check (state in ('intended', 'done', 'failed', 'undoing', 'undone')),
    intent           jsonb not null,
    output           jsonb,
    error            jsonb,
    attempts         int not null default 0,
    started_at       timestamptz not null default clock_timestamp(),
    finished_at      timestamptz,
    -- What an undo waits for is counted from here, not from the step's own beginning.
    undo_started_at  timestamptz,
    undone_at        timestamptz,
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
create index events_of_account on hostal.events (account_id, id);

-- The APIs.

create table hostal.tokens (
    id            bigint generated always as identity primary key,
    account_id    bigint not null references hostal.accounts,
    name          text not null check (name <> '' and length(name) <= 63),
    -- SHA-256 of the token; the token itself is shown once and kept nowhere.
    hash          bytea not null unique check (octet_length(hash) = 32),
    access        text not null check (access in ('read', 'read_write')),
    expires_at    timestamptz,
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    unique (account_id, name)
);

-- Tokens of the operators' API: apart from customers', so that neither can ever be taken for the other.
create table hostal.operator_tokens (
    id            bigint generated always as identity primary key,
    name          text not null unique check (name <> '' and length(name) <= 63),
    hash          bytea not null unique check (octet_length(hash) = 32),
    access        text not null check (access in ('read', 'read_write')),
    expires_at    timestamptz,
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);

create table hostal.ssh_keys (
    id           bigint generated always as identity primary key,
    account_id   bigint not null references hostal.accounts,
    name         text not null check (name <> '' and length(name) <= 128),
    fingerprint  text not null,
    public_key   text not null,
    labels       jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    created_at   timestamptz not null default now(),
    unique (account_id, name),
    unique (account_id, fingerprint)
);

-- Answers to requests that carried an Idempotency-Key, written in the transaction that did what was asked. Swept after a day.
create table hostal.idempotency_keys (
    account_id    bigint not null references hostal.accounts,
    key           text not null check (length(key) between 1 and 255),
    request_hash  bytea not null,
    status        int,
    body          jsonb,
    created_at    timestamptz not null default now(),
    primary key (account_id, key)
);
create index idempotency_keys_to_sweep on hostal.idempotency_keys (created_at);
