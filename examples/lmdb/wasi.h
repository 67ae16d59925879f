/* Names that mdb.c uses and wasi-libc lacks, before mdb.c. */

/* Without SIGPIPE the compacting copy leaves signals alone: there are none. */
#undef SIGPIPE

/* WASI has no locks on files. The driver opens with MDB_NOLOCK unless told `--lock`: that nobody else has the database open
   is then for the one who starts the programs to see to, and a lock on the lock file is got at once. */
#ifndef F_GETLK
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#endif
#ifndef F_RDLCK
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2
#endif
/* Some versions of wasi-libc declare this structure and others don't. */
#define flock lock_range
struct flock {
    short l_type, l_whence;
    off_t l_start, l_len;
    pid_t l_pid;
};

static int lock_or_fcntl(int fd, int what, ...);
#define fcntl lock_or_fcntl

/* wasmtime refuses O_DSYNC. LMDB asks for it on a descriptor of its own for meta pages: what is written there is followed by fdatasync. */
static int open_undsynced(const char *path, int flags, ...);
#define open open_undsynced

/* The compacting copy writes on a thread of its own; here the thread's function runs whenever the one thread waits for it. */
static int turn_create(pthread_t *thread, void *(*run)(void *), void *with);
static int turn_wait(pthread_cond_t *until, pthread_mutex_t *under);
static int turn_join(pthread_t thread);
#define pthread_create(thread, attributes, run, with) turn_create(thread, run, with)
#define pthread_cond_wait(until, under) turn_wait(until, under)
#define pthread_cond_signal(until) ((void)(until))
#define pthread_join(thread, result) turn_join(thread)

/* wasi-libc's walks a list of threads, which without threads has no end. A key that stays costs nothing. */
#define pthread_key_delete(key) ((void)(key))

#ifdef _WASI_EMULATED_MMAN
/* wasi-libc's emulation reads files into memory and writes nothing back. It has neither of these: good enough for reading. */
static int no_msync(void *at, size_t len, int flags) {
    (void)at, (void)len, (void)flags;
    errno = ENOSYS;
    return -1;
}
#define msync no_msync
#define madvise(at, len, advice) 0
#endif
