/* What a program did, printed so that it reads the same on every system. */
#ifndef SAY_H
#define SAY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name_of(int error) {
    switch (error) {
#define NAME(error) case error: return #error
        NAME(EACCES); NAME(EAGAIN); NAME(EBADF); NAME(EBUSY); NAME(EEXIST); NAME(EFAULT); NAME(EINVAL); NAME(EIO);
        NAME(EMFILE); NAME(ENAMETOOLONG); NAME(ENODEV); NAME(ENOENT); NAME(ENOMEM); NAME(ENOSPC); NAME(ENOSYS);
        NAME(ENOTSUP); NAME(ENXIO); NAME(EOVERFLOW); NAME(EPERM); NAME(ENOTDIR); NAME(EISDIR); NAME(EROFS);
#undef NAME
    default: return error == 0 ? "none" : strerror(error);
    }
}

/* A call that gives -1 and errno. */
#define SAY(what, call) do { \
    errno = 0; \
    long result_ = (long)(call); \
    if (result_ == -1) printf("%s: -1 %s\n", what, name_of(errno)); \
    else printf("%s: %ld\n", what, result_); \
} while (0)

/* A call that gives an error's number. */
#define SAY_ERROR(what, call) printf("%s: %s\n", what, name_of(call))

/* A call that gives a pointer, whose number is nobody's affair. */
#define SAY_MAP(what, place, call) do { \
    errno = 0; \
    (place) = (void *)(call); \
    printf("%s: %s\n", what, (void *)(place) == MAP_FAILED ? name_of(errno) : "mapped"); \
} while (0)

/* A call that is refused. */
#define SAY_NOT(what, call) do { \
    void *place_; \
    SAY_MAP(what, place_, call); \
    if (place_ != MAP_FAILED) printf("%s: not refused\n", what); \
} while (0)

#define SAY_BYTES(what, from, len) printf("%s: %.*s\n", what, (int)(len), (const char *)(from))
#define SAY_IF(what, condition) printf("%s: %s\n", what, (condition) ? "yes" : "no")

__attribute__((unused)) static int is_all(const char *from, size_t len, char byte) {
    for (size_t at = 0; at < len; at++)
        if (from[at] != byte) return 0;
    return 1;
}

enum { RW = PROT_READ | PROT_WRITE };

#endif
