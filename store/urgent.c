/* Asks Linux for short slices of time; other systems have nothing like that. */
#include "store/urgent.h"

#ifdef __linux__
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHORTEST_SLICE 100000 /* ns; Linux, Documentation/scheduler/sched-eevdf.rst */

/* What the kernel knows it by; libc has no name for it before glibc 2.41. */
typedef struct {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice; /* of SCHED_OTHER; the runtime of SCHED_DEADLINE */
    uint64_t deadline;
    uint64_t period;
} attributes_t;

/* A process whose system calls are filtered can be killed for a call that the filter does not know.
 * To ask prctl(2) whether there is a filter is such a call; its manual recommends to read this file
 * instead. */
static int is_filtered(void)
{
    static const char name[] = "Seccomp:";
    FILE *status = fopen("/proc/thread-self/status", "re");
    char line[128];
    int found = status == NULL;

    while (status && fgets(line, sizeof(line), status)) {
        if (strncmp(line, name, sizeof(name) - 1) == 0) {
            found = strtol(line + sizeof(name) - 1, NULL, 10) != 0;
        }
    }
    if (status) {
        (void)fclose(status);
    }
    return found;
}

void secsession_urgent_begin(void)
{
    attributes_t mine = { .size = sizeof(mine) };

    if (!is_filtered() && syscall(SYS_sched_getattr, 0, &mine, sizeof(mine), 0) == 0
        && mine.policy == SCHED_OTHER) {
        mine.slice = SHORTEST_SLICE;
        syscall(SYS_sched_setattr, 0, &mine, 0);
    }
}

#else

void secsession_urgent_begin(void)
{
}

#endif
