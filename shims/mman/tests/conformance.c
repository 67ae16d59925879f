/* Every case that POSIX lists, and what Linux adds, printed: the lines are the same natively and in a guest. The first argument is a folder to work
 * in; with the second, `stores`, nothing is protected, for hosts that can't. Sizes are in pages of sysconf's. */

#include "say.h"

static size_t page;
static const char *folder;
static int protects;

static const char *path(const char *name) {
    static char paths[4][512];
    static int next = 0;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

/* A file of `pages` pages and `more` bytes, with a letter for each page. */
static int letters(const char *name, size_t pages, size_t more, int flags) {
    int fd = open(path(name), O_RDWR | O_CREAT | O_TRUNC, 0644);
    char *block = malloc(page);
    for (size_t at = 0; at <= pages; at++) {
        size_t len = at < pages ? page : more;
        memset(block, (char)('a' + at), len);
        if (len != 0 && pwrite(fd, block, len, (off_t)(at * page)) != (ssize_t)len) abort();
    }
    free(block);
    if (flags == O_RDWR) return fd;
    close(fd);
    return open(path(name), flags);
}

static void *map(size_t pages, int prot, int flags, int fd, size_t from) {
    return mmap(NULL, pages * page, prot, flags, fd, (off_t)(from * page));
}

static void *anonymous(size_t pages) { return map(pages, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void refusals_of_mmap(void) {
    int fd = letters("refusals", 2, 0, O_RDWR);
    int reads = open(path("refusals"), O_RDONLY), writes = open(path("refusals"), O_WRONLY);
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    SAY_NOT("length 0", mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SAY_NOT("length 0 of a file", mmap(NULL, 0, RW, MAP_SHARED, fd, 0));
    SAY_NOT("neither shared nor private", map(1, RW, 0, fd, 0));
    SAY_NOT("neither, anonymous", map(1, RW, MAP_ANONYMOUS, -1, 0));
    SAY_NOT("offset 1", mmap(NULL, page, RW, MAP_SHARED, fd, 1));
    SAY_NOT("offset half a page", mmap(NULL, page, RW, MAP_PRIVATE, fd, (off_t)page / 2));
    SAY_NOT("descriptor -1", map(1, RW, MAP_SHARED, -1, 0));
    SAY_NOT("descriptor 99", map(1, RW, MAP_SHARED, 99, 0));
    SAY_NOT("folder", map(1, PROT_READ, MAP_PRIVATE, dir, 0));
    SAY_NOT("opened for writing, read", map(1, PROT_READ, MAP_SHARED, writes, 0));
    SAY_NOT("opened for writing, private", map(1, RW, MAP_PRIVATE, writes, 0));
    SAY_NOT("opened for reading, shared and writable", map(1, RW, MAP_SHARED, reads, 0));
    SAY_NOT("past the largest offset", mmap(NULL, 2 * page, RW, MAP_SHARED, fd, (off_t)(INT64_MAX - (int64_t)page + 1)));
    SAY_NOT("negative offset", mmap(NULL, page, RW, MAP_SHARED, fd, -(off_t)page));
    SAY_NOT("more than there is", mmap(NULL, (size_t)0 - page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SAY_NOT("more of a file than there is", mmap(NULL, (size_t)0 - page, RW, MAP_SHARED, fd, 0));
    char *there = anonymous(2);
    SAY_NOT("fixed, not aligned", mmap(there + 1, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SAY_NOT("fixed if free, not free", mmap(there, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SAY_NOT("validated, unknown flag", mmap(NULL, page, RW, MAP_SHARED_VALIDATE | 0x2000000, fd, 0));
    SAY_NOT("validated, anonymous", mmap(NULL, page, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
    SAY("there again", munmap(there, 2 * page));
    close(fd), close(reads), close(writes), close(dir);
}

static void anonymous_memory(void) {
    char *a = anonymous(3);
    SAY_IF("aligned", (uintptr_t)a % page == 0);
    SAY_IF("zero", is_all(a, 3 * page, 0));
    memset(a, 'x', 3 * page);
    SAY("unmap the middle", munmap(a + page, page));
    SAY_IF("its neighbours stay", is_all(a, page, 'x') && is_all(a + 2 * page, page, 'x'));
    SAY("unmap it again, nothing there", munmap(a + page, page));
    char *again;
    SAY_MAP("in the hole", again, mmap(a + page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SAY_IF("where asked, and zero", again == a + page && is_all(again, page, 0));
    SAY("unmap more than one", munmap(a, 3 * page));
    char *shared;
    SAY_MAP("shared", shared, map(2, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SAY_IF("zero", is_all(shared, 2 * page, 0));
    char *odd;
    SAY_MAP("a length inside a page", odd, mmap(NULL, page + 1, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(odd, 'y', 2 * page);
    SAY("unmapped by that length", munmap(odd, page + 1));
    SAY("unmap shared", munmap(shared, 2 * page));
    SAY("not aligned", munmap(odd + 1, page));
    SAY("of no length", munmap(odd, 0));
    char *hinted = anonymous(4);
    munmap(hinted + page, 2 * page);
    again = mmap(hinted + page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SAY_IF("a free place that is wished for is given", again == hinted + page);
    munmap(hinted, 4 * page);
    SAY_MAP("with every harmless flag", again,
            map(1, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | MAP_STACK | MAP_NONBLOCK, -1, 0));
    munmap(again, page);
}

static void shared_files(void) {
    int fd = letters("shared", 3, 100, O_RDWR);
    char bytes[8] = {0}, *f;
    SAY_MAP("whole file", f, mmap(NULL, 3 * page + 100, RW, MAP_SHARED, fd, 0));
    SAY_IF("its bytes", is_all(f, page, 'a') && is_all(f + 2 * page, page, 'c') && is_all(f + 3 * page, 100, 'd'));
    SAY_IF("zero past the end", is_all(f + 3 * page + 100, 900, 0));
    memcpy(f + 1, "hello", 5);
    SAY("pread after a store", pread(fd, bytes, 7, 0));
    SAY_BYTES("sees it", bytes, 7);
    SAY("pwrite", pwrite(fd, "WORLD", 5, (off_t)page));
    SAY_BYTES("seen", f + page, 6);
    memset(f + 3 * page + 100, 'z', 100);
    SAY("msync, MS_SYNC", msync(f, 3 * page + 100, MS_SYNC));
    struct stat stat;
    fstat(fd, &stat);
    SAY_IF("a store past the end leaves the length", stat.st_size == (off_t)(3 * page + 100));
    SAY("close", close(fd));
    memcpy(f + 2 * page, "kept", 4);
    SAY("MS_ASYNC of a page", msync(f + 2 * page, page, MS_ASYNC));
    fd = open(path("shared"), O_RDWR);
    pread(fd, bytes, 4, (off_t)(2 * page));
    SAY_BYTES("stored after close", bytes, 4);
    memcpy(f + page, "first", 5), memcpy(f + 3 * page, "last", 4);
    SAY("unmap the middle", munmap(f + page, 2 * page));
    memcpy(f, "still", 5);
    memcpy(f + 3 * page + 4, "there", 5);
    SAY_BYTES("before it", f, 8);
    SAY_BYTES("behind it", f + 3 * page, 9);
    pread(fd, bytes, 5, 0);
    SAY_BYTES("reaches the file", bytes, 5);
    pread(fd, bytes, 5, (off_t)page);
    SAY_BYTES("what was stored before", bytes, 5);
    SAY("unmap the rest, and the hole", munmap(f, 4 * page));
    pread(fd, bytes, 5, (off_t)(3 * page + 4));
    SAY_BYTES("reached the file too", bytes, 5);
    close(fd);
}

static void lengths_of_files(void) {
    int fd = letters("lengths", 1, 10, O_RDWR);
    char *f, bytes[4] = {0};
    SAY_MAP("further than the file", f, map(4, RW, MAP_SHARED, fd, 0));
    SAY_IF("zero to the page's end", is_all(f + page + 10, page / 16 - 10, 0));
    SAY("made longer", ftruncate(fd, (off_t)(3 * page)));
    SAY_IF("zero", is_all(f + 2 * page, page, 0));
    memcpy(f + 2 * page, "new", 3);
    SAY("msync", msync(f, 4 * page, MS_SYNC));
    SAY("pread", pread(fd, bytes, 3, (off_t)(2 * page)));
    SAY_BYTES("what was stored", bytes, 3);
    SAY("appended", pwrite(fd, "end", 3, (off_t)(3 * page)));
    SAY_BYTES("seen", f + 3 * page, 3);
    SAY("made shorter", ftruncate(fd, 5));
    SAY_IF("what is left", is_all(f, 5, 'a') && is_all(f + 5, page / 16 - 5, 0));
    SAY("made longer again", ftruncate(fd, (off_t)page));
    SAY_IF("zero behind it", is_all(f, 5, 'a') && is_all(f + 5, page - 5, 0));
    SAY("unmap", munmap(f, 4 * page));
    SAY("empty", ftruncate(fd, 0));
    SAY_MAP("an empty file", f, map(1, RW, MAP_SHARED, fd, 0));
    SAY("written", pwrite(fd, "abc", 3, 0));
    SAY_BYTES("seen", f, 3);
    SAY("unmap", munmap(f, page));
    SAY_MAP("from behind the end on", f, map(1, RW, MAP_SHARED, fd, 7));
    SAY("unmap", munmap(f, page));
    close(fd);
}

static void private_files(void) {
    int fd = letters("private", 4, 0, O_RDONLY);
    char *f, bytes[4] = {0};
    SAY_MAP("private, writable, of a file opened for reading", f, map(4, RW, MAP_PRIVATE, fd, 0));
    for (size_t at = 0; at < 4; at++) f[at * page] = (char)('A' + at);
    SAY("the file", pread(fd, bytes, 1, 0));
    SAY_BYTES("is as it was", bytes, 1);
    SAY("unmap the second page", munmap(f + page, page));
    SAY_IF("the others keep what was stored",
           f[0] == 'A' && f[1] == 'a' && f[2 * page] == 'C' && f[3 * page] == 'D' && f[4 * page - 1] == 'd');
    SAY("bytes of the file again", madvise(f + 2 * page, page, MADV_DONTNEED));
    SAY_IF("what was stored is gone there, and only there", is_all(f + 2 * page, page, 'c') && f[3 * page] == 'D');
    SAY_ERROR("advice of POSIX", posix_madvise(f + 3 * page, page, POSIX_MADV_DONTNEED));
    SAY_IF("changes nothing", f[3 * page] == 'D');
    SAY("unmap", munmap(f, 4 * page));
    close(fd);
    fd = letters("private", 1, 10, O_RDWR);
    SAY_MAP("two pages, of one and a bit", f, map(2, RW, MAP_PRIVATE, fd, 0));
    f[0] = 'P', f[page] = 'Q';
    SAY("pwrite", pwrite(fd, "WW", 2, 0));
    SAY_IF("is not seen where something was stored", f[0] == 'P' && f[1] == 'a');
    SAY_IF("zero past the end", is_all(f + page + 10, page / 16 - 10, 0));
    f[page + 20] = 'x';
    SAY_IF("can be stored to", f[page + 20] == 'x');
    SAY("unmap", munmap(f, 2 * page));
    close(fd);
}

static void offsets_and_several(void) {
    int fd = letters("several", 4, 0, O_RDWR);
    char *b, *d, *again, *reads;
    SAY_MAP("the second page", b, map(1, RW, MAP_SHARED, fd, 1));
    SAY_MAP("the fourth page", d, map(1, RW, MAP_SHARED, fd, 3));
    SAY_IF("bytes from the offset on", is_all(b, page, 'b') && is_all(d, page, 'd'));
    SAY_MAP("the second page again", again, map(1, RW, MAP_SHARED, fd, 1));
    b[5] = '!';
    SAY_IF("shows what was stored in the other", again[5] == '!');
    SAY("unmap one of them", munmap(b, page));
    SAY_IF("the other stays", again[5] == '!' && again[6] == 'b');
    SAY("unmap the other", munmap(again, page));
    SAY_MAP("private beside shared", reads, map(4, RW, MAP_PRIVATE, fd, 0));
    reads[3 * page] = 'p';
    SAY_IF("apart", d[0] == 'd');
    SAY("unmap", munmap(reads, 4 * page));
    SAY("unmap", munmap(d, page));
    close(fd);
}

static void fixed_places(void) {
    int fd = letters("fixed", 3, 0, O_RDWR);
    char *a = anonymous(5), *f, bytes[2] = {0};
    memset(a, '.', 5 * page);
    SAY_MAP("a file over the middle", f, mmap(a + page, 3 * page, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    SAY_IF("there", f == a + page && f[0] == 'a' && f[2 * page] == 'c');
    SAY_IF("around it all stays", is_all(a, page, '.') && is_all(a + 4 * page, page, '.'));
    f[page] = 'B';
    SAY_MAP("memory over the middle of the file", f,
            mmap(a + 2 * page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SAY_IF("zero", is_all(f, page, 0));
    SAY_IF("around it the file", a[page] == 'a' && a[3 * page] == 'c');
    SAY("the file", pread(fd, bytes, 1, (off_t)page));
    SAY_BYTES("has what was stored", bytes, 1);
    a[3 * page] = 'C';
    pread(fd, bytes, 1, (off_t)(2 * page));
    SAY_BYTES("and what is stored", bytes, 1);
    SAY_MAP("private over shared", f, mmap(a + 3 * page, page, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    SAY_IF("there", f[0] == 'a');
    SAY_MAP("shared over private", f, mmap(a + 3 * page, page, RW, MAP_SHARED | MAP_FIXED, fd, (off_t)(2 * page)));
    SAY_IF("there", f[0] == 'C');
    SAY_NOT("refused for its descriptor", mmap(a, page, RW, MAP_SHARED | MAP_FIXED, -1, 0));
    SAY_IF("and nothing is gone", is_all(a, page, '.'));
    SAY("unmap", munmap(a, 5 * page));
    close(fd);
}

static void syncing(void) {
    int fd = letters("sync", 2, 0, O_RDWR);
    char *f = map(2, RW, MAP_SHARED, fd, 0), *a = anonymous(3);
    SAY("of nothing", msync(f, 0, MS_SYNC));
    SAY("not aligned", msync(f + 1, page, MS_SYNC));
    SAY("both at once", msync(f, page, MS_SYNC | MS_ASYNC));
    SAY("unknown flag", msync(f, page, 64));
    SAY("invalidate", msync(f, 2 * page, MS_SYNC | MS_INVALIDATE));
    SAY("anonymous", msync(a, 3 * page, MS_SYNC));
    munmap(a + page, page);
    SAY("with a hole", msync(a, 3 * page, MS_SYNC));
    SAY("in the hole", msync(a + page, page, MS_ASYNC));
    SAY("lock", mlock(f, page));
    SAY("invalidate what is locked", msync(f, 2 * page, MS_ASYNC | MS_INVALIDATE));
    SAY("unlock", munlock(f, page));
    SAY("invalidate", msync(f, 2 * page, MS_ASYNC | MS_INVALIDATE));
    munmap(f, 2 * page), munmap(a, 3 * page), close(fd);
}

static void locking(void) {
    char *a = anonymous(3), seen[3];
    SAY("lock", mlock(a + 1, page));
    SAY("unlock more", munlock(a, 3 * page));
    munmap(a + page, page);
    SAY("lock a hole", mlock(a, 3 * page));
    SAY("unlock a hole", munlock(a, 3 * page));
    SAY("mlock2, unknown flag", mlock2(a, page, 2));
    SAY("mlock2", mlock2(a, page, MLOCK_ONFAULT));
    SAY("what is locked can't be given up", madvise(a, page, MADV_DONTNEED));
    SAY("no flag", mlockall(0));
    SAY("unknown flag", mlockall(64));
    SAY("only on fault", mlockall(MCL_ONFAULT));
    SAY("unlock all", munlockall());
    SAY("it can be given up then", madvise(a, page, MADV_DONTNEED));
    SAY("mincore", mincore(a, page, (unsigned char *)seen));
    SAY("mincore, not aligned", mincore(a + 1, page, (unsigned char *)seen));
    SAY("mincore of a hole", mincore(a, 3 * page, (unsigned char *)seen));
    munmap(a, 3 * page);
}

static void advising(void) {
    int fd = letters("advice", 2, 0, O_RDWR);
    char *a = anonymous(4), *f = map(2, RW, MAP_SHARED, fd, 0), bytes[2] = {0};
    memset(a, 'x', 4 * page);
    int harmless[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP};
    for (size_t at = 0; at < sizeof harmless / sizeof *harmless; at++) {
        SAY("advice without effect", madvise(a, 4 * page, harmless[at]));
        SAY("of a file", madvise(f, 2 * page, harmless[at]));
    }
    SAY_IF("nothing has changed", is_all(a, 4 * page, 'x') && is_all(f, page, 'a'));
    SAY("give two up", madvise(a + page, 2 * page, MADV_DONTNEED));
    SAY_IF("zero, and only they", is_all(a + page, 2 * page, 0) && is_all(a, page, 'x') && is_all(a + 3 * page, page, 'x'));
    f[0] = 'F';
    SAY("give a file's up", madvise(f, page, MADV_DONTNEED));
    SAY_IF("nothing is lost", f[0] == 'F' && f[1] == 'a');
    SAY("MADV_FREE of a file", madvise(f, page, MADV_FREE));
    SAY("MADV_FREE", madvise(a + 3 * page, page, MADV_FREE));
    SAY("remove memory", madvise(a, page, MADV_REMOVE));
    SAY("remove a file's", madvise(f, page, MADV_REMOVE));
    SAY("pread", pread(fd, bytes, 1, 0));
    SAY_IF("a hole", bytes[0] == 0 && is_all(f, page, 0) && is_all(f + page, page, 'b'));
    SAY("unknown advice", madvise(a, page, 77));
    SAY("not aligned", madvise(a + 1, page, MADV_NORMAL));
    SAY("of nothing", madvise(a, 0, MADV_NORMAL));
    munmap(a + page, page);
    SAY("with a hole", madvise(a, 4 * page, MADV_WILLNEED));
    SAY("given up with a hole", madvise(a, 4 * page, MADV_DONTNEED));
    SAY_IF("what was mapped is zero", is_all(a, page, 0) && is_all(a + 2 * page, 2 * page, 0));
    SAY_ERROR("POSIX: unknown", posix_madvise(a, page, 77));
    SAY_ERROR("POSIX: not aligned", posix_madvise(a + 1, page, POSIX_MADV_NORMAL));
    SAY_ERROR("POSIX: a hole", posix_madvise(a, 4 * page, POSIX_MADV_WILLNEED));
    SAY_ERROR("POSIX: random", posix_madvise(f, 2 * page, POSIX_MADV_RANDOM));
    munmap(a, 4 * page), munmap(f, 2 * page), close(fd);
}

static void remapping(void) {
    int fd = letters("remap", 4, 0, O_RDWR);
    char *a = anonymous(2), *b, *f, bytes[2] = {0};
    memset(a, 'x', 2 * page);
    SAY_NOT("not aligned", mremap(a + 1, page, 2 * page, MREMAP_MAYMOVE));
    SAY_NOT("to nothing", mremap(a, page, 0, MREMAP_MAYMOVE));
    SAY_NOT("unknown flag", mremap(a, page, page, 64));
    SAY_NOT("fixed without may-move", mremap(a, page, page, MREMAP_FIXED, a + 4 * page));
    SAY_MAP("larger", b, mremap(a, 2 * page, 5 * page, MREMAP_MAYMOVE));
    SAY_IF("the old bytes, and zero", is_all(b, 2 * page, 'x') && is_all(b + 2 * page, 3 * page, 0));
    SAY_MAP("smaller", a, mremap(b, 5 * page, page, 0));
    SAY_IF("in place", a == b && is_all(a, page, 'x'));
    SAY_NOT("what is not mapped", mremap(a + page, page, page, MREMAP_MAYMOVE));
    char *room = anonymous(3);
    SAY_MAP("to a place", b, mremap(a, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, room + page));
    SAY_IF("there", b == room + page && is_all(b, page, 'x') && is_all(room, page, 0));
    SAY_NOT("to a place in itself", mremap(room, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, room + page));
    SAY_NOT("may not move", mremap(room, page, 2 * page, 0));
    munmap(room, 3 * page);

    f = map(1, RW, MAP_SHARED, fd, 1);
    char *guard = mmap(f + page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    f[0] = 'B';
    SAY_MAP("shared, larger", b, mremap(f, page, 3 * page, MREMAP_MAYMOVE));
    SAY_IF("the file's bytes", b[0] == 'B' && b[1] == 'b' && is_all(b + page, page, 'c') && is_all(b + 2 * page, page, 'd'));
    b[2 * page] = 'D';
    pread(fd, bytes, 1, (off_t)(3 * page));
    SAY_BYTES("stores reach the file", bytes, 1);
    SAY_MAP("shared, smaller", f, mremap(b, 3 * page, page, 0));
    SAY("unmap", munmap(f, page));
    f = map(1, RW, MAP_PRIVATE, fd, 0);
    f[0] = 'P';
    SAY_MAP("private, larger", b, mremap(f, page, 2 * page, MREMAP_MAYMOVE));
    SAY_IF("what was stored, and the file's bytes", b[0] == 'P' && b[1] == 'a' && b[page] == 'B' && b[page + 1] == 'b');
    SAY("unmap", munmap(b, 2 * page));
    if (guard != MAP_FAILED) munmap(guard, page);
    close(fd);
}

static void nameless_files(void) {
    char bytes[8] = {0};
    int fd = memfd_create("some", 0);
    SAY_IF("memfd_create", fd >= 0);
    SAY("length", ftruncate(fd, (off_t)(2 * page)));
    char *f = map(2, RW, MAP_SHARED, fd, 0);
    memcpy(f + page, "memory", 6);
    SAY("pread", pread(fd, bytes, 6, (off_t)page));
    SAY_BYTES("bytes", bytes, 6);
    SAY("close", close(fd));
    SAY_BYTES("kept", f + page, 6);
    SAY("unmap", munmap(f, 2 * page));
    SAY("unknown flag", memfd_create("some", 0x4000));
    char name[300];
    memset(name, 'n', 299), name[299] = 0;
    SAY("long name", memfd_create(name, 0));

    SAY("no name", shm_open("/", O_RDWR | O_CREAT, 0600));
    SAY("a folder in it", shm_open("/memctl/conformance", O_RDWR | O_CREAT, 0600));
    SAY_IF("too long", shm_open(name, O_RDWR | O_CREAT, 0600) < 0);
    shm_unlink("/memctl-conformance");
    SAY("not there", shm_open("/memctl-conformance", O_RDWR, 0600));
    fd = shm_open("/memctl-conformance", O_RDWR | O_CREAT | O_EXCL, 0600);
    SAY_IF("made", fd >= 0);
    SAY("there already", shm_open("/memctl-conformance", O_RDWR | O_CREAT | O_EXCL, 0600));
    SAY("length", ftruncate(fd, (off_t)page));
    f = map(1, RW, MAP_SHARED, fd, 0);
    memcpy(f, "shared", 6);
    int other = shm_open("/memctl-conformance", O_RDONLY, 0);
    SAY("pread of another descriptor", pread(other, bytes, 6, 0));
    SAY_BYTES("bytes", bytes, 6);
    SAY("unlink", shm_unlink("/memctl-conformance"));
    SAY("unlink again", shm_unlink("/memctl-conformance"));
    SAY_BYTES("kept", f, 6);
    munmap(f, page), close(fd), close(other);
}

/* More than any table in the shim begins with. */
static void many(void) {
    enum { COUNT = 40, PAGES = 3 };
    static char *shown[COUNT][PAGES], *alone[COUNT * PAGES];
    int intact = 1;
    for (int file = 0; file < COUNT; file++) {
        char name[32];
        snprintf(name, sizeof name, "many-%d", file);
        int fd = letters(name, PAGES, 0, O_RDWR);
        for (int at = 0; at < PAGES; at++) {
            shown[file][at] = map(1, RW, MAP_SHARED, fd, (size_t)(PAGES - 1 - at));
            if (shown[file][at] == MAP_FAILED) abort();
        }
        close(fd);
    }
    for (int at = 0; at < COUNT * PAGES; at++) {
        alone[at] = anonymous(2);
        if (alone[at] == MAP_FAILED || munmap(alone[at] + page, page) != 0) abort();
        memset(alone[at], at, page);
    }
    for (int file = 0; file < COUNT; file++)
        for (int at = 0; at < PAGES; at++) intact &= is_all(shown[file][at], page, (char)('a' + PAGES - 1 - at));
    for (int at = 0; at < COUNT * PAGES; at++) intact &= is_all(alone[at], page, (char)at);
    SAY_IF("all as they should be", intact);
    for (int file = 0; file < COUNT; file += 2)
        for (int at = 0; at < PAGES; at++) munmap(shown[file][at], page);
    for (int file = 1; file < COUNT; file += 2)
        for (int at = 0; at < PAGES; at++) intact &= is_all(shown[file][at], page, (char)('a' + PAGES - 1 - at));
    SAY_IF("and those that are left", intact);
    for (int file = 1; file < COUNT; file += 2)
        for (int at = 0; at < PAGES; at++) munmap(shown[file][at], page);
    for (int at = 0; at < COUNT * PAGES; at++) intact &= munmap(alone[at], page) == 0;
    SAY_IF("and gone", intact);
}

/* malloc takes memory from where mmap does. */
static void beside_malloc(void) {
    enum { ROUNDS = 40 };
    char *mapped[ROUNDS], *allocated[ROUNDS];
    int intact = 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t pages = (size_t)(round % 5) + 1, len = (size_t)(round * 7919 % 300000) + 1;
        mapped[round] = anonymous(pages);
        allocated[round] = malloc(len);
        if (mapped[round] == MAP_FAILED || allocated[round] == NULL) abort();
        intact &= is_all(mapped[round], pages * page, 0);
        memset(mapped[round], round, pages * page);
        memset(allocated[round], ~round, len);
        if (round % 3 == 2) munmap(mapped[round - 1], ((size_t)((round - 1) % 5) + 1) * page), mapped[round - 1] = NULL;
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t pages = (size_t)(round % 5) + 1, len = (size_t)(round * 7919 % 300000) + 1;
        if (mapped[round] != NULL) intact &= is_all(mapped[round], pages * page, (char)round);
        intact &= is_all(allocated[round], len, (char)~round);
        if (mapped[round] != NULL) munmap(mapped[round], pages * page);
        free(allocated[round]);
    }
    SAY_IF("none is in another", intact);
}

static void protecting(void) {
    int fd = letters("protect", 3, 0, O_RDWR), reads = open(path("protect"), O_RDONLY);
    char *a, *f, bytes[2] = {0};
    SAY_MAP("nothing allowed", a, map(3, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SAY("stores allowed in the middle", mprotect(a + page, page, RW));
    memset(a + page, 'm', page);
    SAY("loads allowed there", mprotect(a + page, page, PROT_READ));
    SAY_IF("its bytes", is_all(a + page, page, 'm'));
    SAY("a length inside a page", mprotect(a, page + 1, PROT_READ));
    SAY_IF("zero, and its bytes", is_all(a, page, 0) && is_all(a + page, page, 'm'));
    SAY("not aligned", mprotect(a + 1, page, RW));
    SAY("of nothing", mprotect(a, 0, RW));
    SAY("unknown", mprotect(a, page, 64));
    SAY("unmap the middle, which is protected", munmap(a + page, page));
    SAY("with a hole", mprotect(a, 3 * page, RW) == -1 && errno == ENOMEM ? 0 : 1);
    SAY("the hole", mprotect(a + page, page, RW));
    char *again = mmap(a + page, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(again, 'n', page);
    SAY_IF("what comes there can be stored to", is_all(again, page, 'n'));
    SAY("unmap", munmap(a, 3 * page));

    SAY_MAP("read-only, shared", f, map(3, PROT_READ, MAP_SHARED, fd, 0));
    SAY_IF("its bytes", f[0] == 'a');
    SAY("pwrite", pwrite(fd, "A", 1, 0));
    SAY_IF("seen", f[0] == 'A');
    SAY("stores allowed in the middle", mprotect(f + page, page, RW));
    f[page] = 'B';
    pread(fd, bytes, 1, (off_t)page);
    SAY_BYTES("reaches the file", bytes, 1);
    SAY("the first unmapped", munmap(f, page));
    SAY_IF("the others stay", f[page] == 'B' && f[2 * page] == 'c');
    f[page] = 'Q';
    SAY("unmap", munmap(f, 3 * page));
    pread(fd, bytes, 1, (off_t)page);
    SAY_BYTES("reached the file", bytes, 1);

    char *one, *other;
    SAY_MAP("one to read", one, map(2, PROT_READ, MAP_SHARED, fd, 0));
    SAY_MAP("and one that overlaps it", other, map(2, PROT_READ, MAP_SHARED, fd, 1));
    SAY("pwrite", pwrite(fd, "2", 1, (off_t)page + 7));
    SAY_IF("seen in both", one[page + 7] == '2' && other[7] == '2');
    SAY("unmap one", munmap(one, 2 * page));
    SAY_IF("the other stays", other[7] == '2' && other[page] == 'c');
    SAY("unmap the other", munmap(other, 2 * page));

    SAY_MAP("of a file opened for reading", f, map(1, PROT_READ, MAP_SHARED, reads, 0));
    SAY("stores can't be allowed", mprotect(f, page, RW));
    SAY("nothing can", mprotect(f, page, PROT_NONE));
    SAY("unmap", munmap(f, page));
    SAY_MAP("private", f, map(2, PROT_READ, MAP_PRIVATE, reads, 1));
    SAY("stores can be allowed", mprotect(f, page, RW));
    f[1] = 'x';
    SAY("given up", madvise(f, 2 * page, MADV_DONTNEED));
    SAY_IF("the file's", f[0] == 'Q' && f[1] == 'b' && f[page] == 'c');
    SAY("one unmapped", munmap(f, page));
    SAY_IF("the other stays", f[page] == 'c');
    SAY("not stored to by advice", madvise(f + page, page, MADV_POPULATE_WRITE) == 0);
    SAY_MAP("moved", a, mremap(f + page, page, 2 * page, MREMAP_MAYMOVE));
    SAY_IF("the same", a[0] == 'c');
    SAY("unmap", munmap(a, 2 * page));
    close(fd), close(reads);
}

int main(int argc, char **argv) {
    folder = argc > 1 ? argv[1] : ".";
    protects = argc < 3;
    page = (size_t)sysconf(_SC_PAGESIZE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct {
        const char *name;
        void (*run)(void);
    } sections[] = {
        {"refusals of mmap", refusals_of_mmap}, {"anonymous memory", anonymous_memory}, {"shared files", shared_files},
        {"lengths of files", lengths_of_files}, {"private files", private_files},
        {"offsets and several", offsets_and_several}, {"fixed places", fixed_places}, {"syncing", syncing},
        {"locking", locking}, {"advising", advising}, {"remapping", remapping}, {"nameless files", nameless_files},
        {"many", many},
        {"beside malloc", beside_malloc},
        {"protecting", protecting},
    };
    for (size_t at = 0; at < sizeof sections / sizeof *sections; at++) {
        if (sections[at].run == protecting && !protects) continue;
        printf("== %s\n", sections[at].name);
        sections[at].run();
    }
    return 0;
}
