-- Tokens of the operators' API: apart from customers', so that neither can ever be taken for the other.
create table hostal.operator_tokens (
    id            bigint generated always as identity primary key,
    name          text not null unique check (name <> '' and length(name) <= 63),
    -- SHA-256 of the token; the token itself is shown once and kept nowhere.
    hash          bytea not null unique check (octet_length(hash) = 32),
    access        text not null check (access in ('read', 'read_write')),
    expires_at    timestamptz,
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
