-- What the API's lists walk along: one account's things by number.
create index servers_of_account on hostal.servers (account_id, id) where state <> 'deleted';
create index orders_of_account on hostal.orders (account_id, id);
create index events_of_account on hostal.events (account_id, id);
