/* What wasi.h declares, after mdb.c: it needs the copy's own record. */
#include <stdarg.h>

#undef fcntl
#undef open

static int open_undsynced(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    int fd = open(path, flags & ~O_DSYNC, mode);
    if (fd >= 0 && flags & O_DSYNC)
        dsynced = fd;
    else if (fd == dsynced)
        dsynced = -1;
    return fd;
}

static int lock_or_fcntl(int fd, int what, ...) {
    if (what == F_SETLK || what == F_SETLKW)
        return 0;
    va_list list;
    va_start(list, what);
    int result = -1;
    if (what == F_GETLK)
        va_arg(list, struct flock *)->l_type = F_UNLCK, result = 0;
    else if (what == F_GETFD || what == F_GETFL)
        result = fcntl(fd, what);
    else
        result = fcntl(fd, what, va_arg(list, int));
    va_end(list);
    return result;
}

/* One copy at a time: there is one thread. */
static mdb_copy *turn_copy;
static int turn_inside;

static int turn_create(pthread_t *thread, void *(*run)(void *), void *with) {
    (void)thread, (void)run;
    turn_copy = with;
    return 0;
}

/* Lets the writer write what there is. It keeps in a local which buffer is next and starts with the first; the reader waits when both
   are full, so that after its turn the first is next again. */
static void turn_run(void) {
    turn_inside = 1;
    mdb_env_copythr(turn_copy);
    turn_inside = 0;
}

static int turn_wait(pthread_cond_t *until, pthread_mutex_t *under) {
    (void)until, (void)under;
    if (turn_inside) {
        /* The writer has nothing more to write: that it is told the end makes it return. */
        turn_copy->mc_new = MDB_EOF;
        return 0;
    }
    int ends = turn_copy->mc_new & MDB_EOF;
    turn_run();
    turn_copy->mc_new = ends;
    return 0;
}

static int turn_join(pthread_t thread) {
    (void)thread;
    turn_run();
    turn_copy = NULL;
    return 0;
}
