#pragma once
#include <stddef.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <libvirt/libvirt-qemu.h>

/* What Swift needs of a virError: the rest points into libvirt's memory. */
typedef struct {
    int code;
    int domain;
    char message[1024];
} shim_error;

/* Takes the calling thread's last error; all zero when there is none. Must run on the thread of the call that failed. */
static inline void shim_take_error(shim_error *out) {
    memset(out, 0, sizeof *out);
    virErrorPtr error = virGetLastError();
    if (!error) return;
    out->code = error->code;
    out->domain = error->domain;
    if (error->message) strncpy(out->message, error->message, sizeof out->message - 1);
    virResetLastError();
}

static inline void shim_ignore_error(void *context, virErrorPtr error) {
    (void)context;
    (void)error;
}

/* libvirt prints each error to standard error unless it is given something else to do with it. */
static inline void shim_silence(void) { virSetErrorFunc(NULL, shim_ignore_error); }
