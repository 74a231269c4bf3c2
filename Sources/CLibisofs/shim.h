#pragma once
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <sys/stat.h>
#include <libburn/libburn.h>
#include <libisofs/libisofs.h>
