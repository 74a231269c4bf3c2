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

/* How far a 64-bit guest got on /dev/kvm. */
typedef enum {
    SHIMS_KVM_WORKS = 0,
    SHIMS_KVM_NO_DEVICE,
    SHIMS_KVM_NO_SETUP,
    SHIMS_KVM_GUEST_FAILED,
    SHIMS_KVM_GUEST_HUNG,
    SHIMS_KVM_NOT_PROBED,
} shims_kvm_outcome;

/* Runs a few instructions of 64-bit kernel code in a child process and kills it after limit milliseconds. number: errno of what
 * failed, or KVM's exit reason for a failed guest. Blocks at most limit plus 200 ms. */
shims_kvm_outcome shims_probe_kvm(int limit, int *number);
