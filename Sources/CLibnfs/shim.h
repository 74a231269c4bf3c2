#pragma once
/* libnfs.h uses what it does not include. */
#include <stdint.h>
#include <sys/time.h>
#include <nfsc/libnfs.h>
