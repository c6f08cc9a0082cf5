/* A clock that is as many seconds off as FAKETIME says, which Debian's `faketime` sets. To be loaded in place of its own library.

   libfaketime 0.9.10 stands in the way of Python 3.11: waits on the monotonic clock end at once or never, so that starting a thread
   takes 0.2 s instead of 1 ms, and time.sleep() fails (https://github.com/wolfcw/libfaketime/issues/426, pull request 503). Here only
   the time of day differs; whatever waits is left alone. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t off;

__attribute__((constructor)) static void read_environment(void) {
    const char *seconds = getenv("FAKETIME");
    off = seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = syscall(SYS_clock_gettime, clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += off;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int status = syscall(SYS_gettimeofday, now, zone);
    if (status == 0) now->tv_sec += off;
    return status;
}

time_t time(time_t *seconds) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}
