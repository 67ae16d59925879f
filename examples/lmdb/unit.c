/* LMDB as the driver builds it, natively and for WASI: its own mdb.c, unchanged, with a step counted at each system call that writes, and
   in WASI what wasi-libc lacks. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../driver/driver.h"

#ifdef __wasi__
#include "wasi.h"
#endif

/* The descriptor whose writes are to be durable when they return, if the system doesn't see to that itself. */
static int dsynced = -1;

/* A write of several pages may be cut off between two of them, never inside of one. */
static ssize_t stepped_pwrite(int fd, const void *from, size_t len, off_t at) {
    enum { PAGE = 4096 };
    step();
    if (len > PAGE && pwrite(fd, from, PAGE, at) == PAGE)
        step();
    ssize_t done = pwrite(fd, from, len, at);
    if (done > 0 && fd == dsynced && fdatasync(fd))
        return -1;
    step();
    return done;
}

/* One by one: WASI may write the first buffer only, which is no error in POSIX but one to LMDB. */
static ssize_t stepped_pwritev(int fd, const struct iovec *from, int count, off_t at) {
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t one = stepped_pwrite(fd, from[i].iov_base, from[i].iov_len, at + done);
        if (one < 0)
            return done ? done : one;
        done += one;
        if ((size_t)one < from[i].iov_len)
            break;
    }
    return done;
}

static int stepped_msync(void *at, size_t len, int flags) {
    step();
    int result = msync(at, len, flags);
    step();
    return result;
}

static int stepped_fdatasync(int fd) {
    step();
    int result = fdatasync(fd);
    step();
    return result;
}

#define MDB_MSYNC(at, len, flags) stepped_msync(at, len, flags)
#define MDB_FDATASYNC(fd) stepped_fdatasync(fd)
#define MDB_USE_PWRITEV
#define pwrite stepped_pwrite
#define pwritev stepped_pwritev

#include "mdb.c"

#ifdef __wasi__
#include "wasi.c"
#endif
