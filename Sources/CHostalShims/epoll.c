#define _GNU_SOURCE
#include "CHostalShims.h"
#include <pthread.h>
#include <stdio.h>

int shims_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int shims_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int shims_epoll_wait(int epoll, shims_event *out, int capacity, int timeout) {
    struct epoll_event events[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(epoll, events, capacity, timeout);
    for (int i = 0; i < count; i++) {
        out[i].token = events[i].data.u64;
        out[i].events = events[i].events;
    }
    return count;
}

int shims_eventfd(int semaphore, int blocking) {
    return eventfd(0, EFD_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0) | (blocking ? 0 : EFD_NONBLOCK));
}

void shims_name_this_thread(const char *name) {
    char shortened[16];
    snprintf(shortened, sizeof shortened, "%s", name);
    pthread_setname_np(pthread_self(), shortened);
}
