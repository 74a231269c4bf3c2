#pragma once
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <sys/stat.h>
/* Only for struct burn_source: nothing of libburn is linked. */
#include <libburn/libburn.h>
#include <libisofs/libisofs.h>

/* libisofs neither queues nor prints messages: every call's own code is looked at. Its parameters are not const though it only reads. */
static inline int shims_iso_quiet(void)
{
    char queue[] = "NEVER", print[] = "NEVER", prefix[] = "";
    return iso_set_msgs_severities(queue, print, prefix);
}
