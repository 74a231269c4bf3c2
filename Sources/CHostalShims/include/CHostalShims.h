#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* epoll_event is a packed union that Swift cannot import: these stand in for it. */
typedef struct {
    uint64_t token;
    uint32_t events;
} shims_event;

int shims_epoll_create(void);
int shims_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token);
/* At most 64 events a call. timeout in milliseconds, -1 for ever. */
int shims_epoll_wait(int epoll, shims_event *out, int capacity, int timeout);
/* A read takes one from the counter when semaphore is set, else all; blocking is 0 for O_NONBLOCK. */
int shims_eventfd(int semaphore, int blocking);
/* At most 15 characters are kept. */
void shims_name_this_thread(const char *name);
