-- Where a host's libvirt is reached from elsewhere: what an API's process needs to open consoles of a host that it does not run on.
alter table hostal.hosts add column libvirt_uri text 
    check (libvirt_uri ~ '^[a-z0-9+]+://[!-~]*$' and length(libvirt_uri) <= 2048);
