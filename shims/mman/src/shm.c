/* shm_open, shm_unlink and memfd_create: files in folders that the program was given. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* getentropy, PATH_MAX */
#endif

#include <sys/mman.h>

#include "mman.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

/* A libc for WASI 0.2 doesn't have them. */
#pragma weak __wasi_fd_prestat_get
#pragma weak __wasi_fd_prestat_dir_name

enum { LONGEST_NAME = 255 };

static bool is_folder(const char *path) {
    struct stat stat_;
    return path != NULL && *path != 0 && stat(path, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

/* As glibc, so that programs outside of WebAssembly meet those inside where /dev/shm is given. */
static int path_of(const char *name, char *path, size_t size) {
    while (*name == '/') name++;
    if (*name == 0 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return EINVAL;
    if (strlen(name) > LONGEST_NAME) return ENAMETOOLONG;
    const char *folders[] = {getenv("MEMCTL_SHM_DIR"), "/dev/shm", "/tmp"};
    for (size_t at = 0; at < sizeof folders / sizeof folders[0]; at++) {
        if (!is_folder(folders[at])) continue;
        int len = snprintf(path, size, "%s/%s", folders[at], name);
        return len < 0 || (size_t)len >= size ? ENAMETOOLONG : 0;
    }
    return ENOSYS;
}

int memctl_shm_open(const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    int error = path_of(name, path, sizeof path);
    if (error != 0) return mctl_result(error);
    int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == ENOTCAPABLE) errno = EACCES;
    return fd;
}

int memctl_shm_unlink(const char *name) {
    char path[PATH_MAX];
    int error = path_of(name, path, sizeof path);
    if (error != 0) return mctl_result(error == EINVAL ? ENOENT : error);
    return unlink(path);
}

/* A file without a name in a folder, or a negative number. */
static int nameless(const char *folder) {
    static unsigned made = 0;
    if (!is_folder(folder)) return -1;
    for (int tries = 0; tries < 64; tries++) {
        char path[PATH_MAX];
        uint64_t chance = 0;
        (void)getentropy(&chance, sizeof chance);
        int len = snprintf(path, sizeof path, "%s/.memfd-%016llx-%u", folder, (unsigned long long)chance, made++);
        if (len < 0 || (size_t)len >= sizeof path) return -1;
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            if (unlink(path) == 0) return fd;
            close(fd);
            return -1;
        }
        if (errno != EEXIST) return -1;
    }
    return -1;
}

/* In the folders that the program was given, in their order. */
static int nameless_anywhere(void) {
    if (__wasi_fd_prestat_get == NULL || __wasi_fd_prestat_dir_name == NULL) return -1;
    for (__wasi_fd_t given = 3;; given++) {
        __wasi_prestat_t about;
        char name[PATH_MAX];
        if (__wasi_fd_prestat_get(given, &about) != 0) return -1;
        size_t len = about.u.dir.pr_name_len;
        if (len >= sizeof name || __wasi_fd_prestat_dir_name(given, (uint8_t *)name, len) != 0) continue;
        name[len] = 0;
        int fd = nameless(name);
        if (fd >= 0) return fd;
    }
}

int memctl_memfd_create(const char *name, unsigned flags) {
    unsigned known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
    if (flags & ~known) return mctl_result(EINVAL);
    if (name == NULL) return mctl_result(EFAULT);
    /* Linux puts "memfd:" before it. */
    if (strlen(name) > LONGEST_NAME - 6) return mctl_result(EINVAL);
    const char *folders[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", ".", "/"};
    for (size_t at = 0; at < sizeof folders / sizeof folders[0]; at++) {
        int fd = nameless(folders[at]);
        if (fd >= 0) return fd;
    }
    int fd = nameless_anywhere();
    return fd >= 0 ? fd : mctl_result(ENOSYS);
}

ALSO(shm_open, int, const char *, int, mode_t);
ALSO(shm_unlink, int, const char *);
ALSO(memfd_create, int, const char *, unsigned);
