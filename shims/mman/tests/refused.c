/* What a guest is refused by its host or by what the shim can't do, one case for each first argument. The second is a folder to work in. */

#include "say.h"

static size_t page;

static int file(const char *folder, const char *name, size_t pages) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)(pages * page)) != 0) abort();
    return fd;
}

/* With a quota of 2 mappings. */
static void mappings(const char *folder) {
    int fd = file(folder, "quota", 8);
    char *place;
    SAY_MAP("six pages", place, mmap(NULL, 6 * page, RW, MAP_SHARED, fd, 0));
    place[3 * page] = 'x';
    SAY("unmap the second", munmap(place + page, page));
    SAY_IF("there are two windows now", place[3 * page] == 'x');
    SAY("unmap the fourth: there would be three", munmap(place + 3 * page, page));
    SAY_IF("nothing is gone", place[3 * page] == 'x');
    place[3 * page + 1] = 'y', place[5 * page] = 'z';
    char bytes[2] = {0};
    SAY("pread", pread(fd, bytes, 1, (off_t)(3 * page + 1)));
    SAY_BYTES("shared as before", bytes, 1);
    SAY_NOT("a third", mmap(NULL, page, RW, MAP_SHARED, fd, (off_t)(6 * page)));
    SAY_NOT("a third, private", mmap(NULL, page, RW, MAP_PRIVATE, fd, 0));
    SAY("unmap one at an edge", munmap(place + 2 * page, page));
    SAY_IF("the others stay", place[3 * page] == 'x' && place[5 * page] == 'z');
    SAY("unmap all", munmap(place, 6 * page));
    SAY_MAP("again", place, mmap(NULL, page, RW, MAP_SHARED, fd, (off_t)(5 * page)));
    SAY_IF("what was stored", place[0] == 'z');
}

/* With a quota of as many bytes as 2 pages of 64 KiB. */
static void bytes(const char *folder) {
    int fd = file(folder, "quota", 8);
    char *place;
    SAY_NOT("three pages", mmap(NULL, 3 * page, RW, MAP_SHARED, fd, 0));
    SAY_MAP("two pages", place, mmap(NULL, 2 * page, RW, MAP_SHARED, fd, 0));
    SAY_NOT("more of them", mremap(place, 2 * page, 3 * page, MREMAP_MAYMOVE));
    place[0] = 'a';
    SAY_IF("stays", place[0] == 'a');
}

/* Where nothing can be protected. */
static void protection(const char *folder) {
    int fd = file(folder, "protection", 2);
    char *place = mmap(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *shared;
    SAY_NOT("read-only file", mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0));
    SAY_NOT("read-only memory", mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SAY_NOT("reserved memory", mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SAY("read-only later", mprotect(place, page, PROT_READ));
    SAY("read-write", mprotect(place, page, RW));
    place[0] = 'x';
    SAY_NOT("read-only over it", mmap(place, page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
    SAY_IF("it stays", place[0] == 'x');
    SAY_MAP("read-write file", shared, mmap(NULL, page, RW, MAP_SHARED, fd, 0));
}

/* What can't be shown twice, and code. */
static void differences(const char *folder) {
    int fd = file(folder, "differences", 4);
    char *place;
    SAY_MAP("shared", place, mmap(NULL, 2 * page, RW, MAP_SHARED, fd, 0));
    SAY_NOT("more of it", mmap(NULL, 3 * page, RW, MAP_SHARED, fd, 0));
    SAY_NOT("otherwise protected", mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0));
    SAY_NOT("at another place", mmap(place + 2 * page, page, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    SAY_NOT("moved to itself", mremap(place, 0, page, MREMAP_MAYMOVE));
    void *again = mmap(NULL, page, RW, MAP_SHARED, fd, (off_t)page);
    SAY_IF("the same again is at the same place", again == place + page);
    SAY("protected for one of two", mprotect(again, page, PROT_READ));
    SAY_NOT("replaced for one of two", mmap(again, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    place[page] = '1';
    SAY("unmapped once", munmap(place, 2 * page));
    SAY_IF("still there", ((char *)again)[0] == '1');
    SAY("unmapped twice", munmap(again, page));
    SAY_IF("zero then", ((char *)again)[0] == 0);
    char *one = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0), *other = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, (off_t)page);
    SAY_IF("twice to read", one != MAP_FAILED && other != MAP_FAILED && one[page] == other[0]);
    SAY("stored to later", mprotect(one, page, RW));
    SAY("the other goes", munmap(other, 2 * page));
    SAY("stored to then", mprotect(one, page, RW));
    SAY_NOT("and read again", mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0));
    SAY_NOT("code", mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *memory = mmap(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SAY("code later", mprotect(memory, page, PROT_READ | PROT_EXEC));
    SAY_NOT("huge pages", mmap(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
    SAY_NOT("over the null page", mmap(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SAY("the program's own memory", munmap((void *)((uintptr_t)&page / page * page), page));
    SAY("behind the memory", munmap((void *)((uintptr_t)0xffff0000u), page));
    SAY_NOT("a folder", mmap(NULL, page, PROT_READ, MAP_SHARED, open(folder, O_RDONLY | O_DIRECTORY), 0));
    SAY_NOT("standard output", mmap(NULL, page, PROT_READ, MAP_PRIVATE, 1, 0));
}

/* Without a folder that could be written in. */
static void nowhere(const char *folder) {
    (void)folder;
    SAY("memfd_create", memfd_create("m", 0));
    SAY("shm_open", shm_open("/m", O_RDWR | O_CREAT, 0600));
    SAY("shm_unlink", shm_unlink("/m"));
}

/* Stores to what must not be stored to, and loads from what must not be loaded from, end the program. */
static void store_to_constant(const char *folder) {
    char *place = mmap(NULL, page, PROT_READ, MAP_SHARED, file(folder, "traps", 1), 0);
    puts(place == MAP_FAILED ? name_of(errno) : "mapped");
    *(volatile char *)place = 1;
    puts("stored");
}

static void load_from_none(const char *folder) {
    (void)folder;
    char *place = mmap(NULL, 3 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    puts(mprotect(place + page, page, PROT_NONE) == 0 ? "protected" : name_of(errno));
    printf("%d %d\n", place[page - 1], place[2 * page]);
    printf("%d\n", ((volatile char *)place)[page]);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    page = (size_t)sysconf(_SC_PAGESIZE);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct {
        const char *name;
        void (*run)(const char *);
    } cases[] = {
        {"mappings", mappings},     {"bytes", bytes},
        {"protection", protection}, {"differences", differences},
        {"nowhere", nowhere},       {"store-to-constant", store_to_constant},
        {"load-from-none", load_from_none},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
        if (strcmp(argv[1], cases[at].name) == 0) {
            cases[at].run(argc > 2 ? argv[2] : ".");
            return 0;
        }
    return 2;
}
