// Makes every fsync and fdatasync a known time slower, as a cloud disk is: preload it into PostgreSQL.
//
//   LD_PRELOAD=.build/shim/slow_fsync.so SLOW_FSYNC_MICROSECONDS=1000 postgres …
//
// PostgreSQL must run with wal_sync_method = fdatasync or fsync: open_sync methods flush inside write(2), which this
// does not see. The real call runs first, so that nothing is less durable than without it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static long delay_microseconds(void)
{
    static long delay = -1;
    if (delay < 0) {
        const char *text = getenv("SLOW_FSYNC_MICROSECONDS");
        delay = text ? strtol(text, NULL, 10) : 1000;
        if (delay < 0) delay = 0;
    }
    return delay;
}

static void wait_as_a_disk_would(void)
{
    int saved = errno;
    long delay = delay_microseconds();
    struct timespec left = {delay / 1000000, (delay % 1000000) * 1000};
    // A signal, of which PostgreSQL has many, must not make the disk faster.
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
    errno = saved;
}

int fsync(int file)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(file);
    wait_as_a_disk_would();
    return result;
}

int fdatasync(int file)
{
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(file);
    wait_as_a_disk_would();
    return result;
}
