-- What customers do with a server that runs, and what their API shows: tokens, keys, labels, protection, disks of several generations.

-- Numbers for the API's resources that had names only.
alter table hostal.plans add column id bigint generated always as identity unique;
alter table hostal.addresses add column id bigint generated always as identity unique;

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
alter table hostal.hosts add column location_id bigint not null default 1 references hostal.locations;

alter table hostal.servers
    -- Whether the guest has power: as the last order left it, or as its host last saw it.
    add column power              text not null default 'on' check (power in ('on', 'off')),
    -- Which seed its present disk has run: what its reports carry.
    add column instance_id        text,
    -- Counts disks; a disk's number is never used again.
    add column last_generation    int not null default 1 check (last_generation >= generation),
    add column labels             jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
    add column delete_protected   boolean not null default false,
    add column rebuild_protected  boolean not null default false;

-- Disks of servers. A server runs from its active one; a kept one waits until `keep_until` for an undo, then it is purged.
-- `disk` is what steps need to attach it again without reading a header that a guest may have written.
create table hostal.volumes (
    server_id    bigint not null references hostal.servers,
    generation   int not null check (generation > 0),
    state        text not null check (state in ('active', 'kept')),
    image_id     bigint not null references hostal.images,
    instance_id  text not null,
    disk         jsonb not null,
    host_keys    text[] not null default '{}',
    keep_until   timestamptz,
    created_at   timestamptz not null default now(),
    primary key (server_id, generation),
    check ((state = 'kept') = (keep_until is not null))
);
create unique index volumes_one_active on hostal.volumes (server_id) where state = 'active';
create index volumes_to_purge on hostal.volumes (keep_until) where state = 'kept';

alter table hostal.orders drop constraint orders_kind_check;
alter table hostal.orders add constraint orders_kind_check check (kind in (
    'create', 'delete', 'reinstall', 'resize', 'undo', 'purge', 'reboot', 'reset', 'shutdown', 'poweron', 'poweroff',
    'reset_password', 'change_protection'));

-- What a job is to make true, where it is not what the server is already.
alter table hostal.jobs
    add column generation  int,
    add column image_id    bigint references hostal.images,
    add column plan        jsonb,
    add column options     jsonb not null default '{}';

-- What an order was given that nobody may see later. It goes when the order is over.
create table hostal.order_secrets (
    order_id       bigint primary key references hostal.orders on delete cascade,
    user_data      text,
    password_hash  text
);

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
