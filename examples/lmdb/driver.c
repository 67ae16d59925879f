/* Does with LMDB what programs do with it, one command per process, and prints what it sees.
   Lines that begin with ~ are about how LMDB lies on this machine, and differ between machines. */
#include "../driver/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lmdb.h"
#include "../driver/model.h"

static const char *const USAGE =
    "driver COMMAND DATABASE [--writemap] [--lock] [--mib=N] ...\n"
    "  load --records=N    put records and commit, in ten transactions\n"
    "  scan                every record, and a range\n"
    "  delete              every third record\n"
    "  compact --to=FILE   copy without free pages\n"
    "  stat                what LMDB counts\n"
    "  beside              a reader that stays while a writer goes on (with --lock)\n"
    "  work --transactions=N --seed=S [--last-step=K] [--dots]   transactions that say when they are committed\n"
    "  verify --seed=S     which transactions a database holds, or each of several\n"
    "  bench --rounds=R    time of random reads, and of plain computation";

static int argc_;
static char **argv_;

#define CHECK(call)                                                   \
    do {                                                              \
        int result_ = (call);                                         \
        if (result_)                                                  \
            fail("%s: %s (%d)", #call, mdb_strerror(result_), result_); \
    } while (0)

static MDB_env *open_env(const char *path, unsigned flags) {
    MDB_env *env;
    CHECK(mdb_env_create(&env));
    CHECK(mdb_env_set_mapsize(env, (mdb_size_t)number(argc_, argv_, "mib", 64) << 20));
    if (option(argc_, argv_, "writemap"))
        flags |= MDB_WRITEMAP;
    if (!option(argc_, argv_, "lock"))
        flags |= MDB_NOLOCK;
    CHECK(mdb_env_open(env, path, flags | MDB_NOSUBDIR, 0644));
    return env;
}

static MDB_txn *begin(MDB_env *env, unsigned flags, MDB_dbi *table) {
    MDB_txn *txn;
    CHECK(mdb_txn_begin(env, NULL, flags, &txn));
    CHECK(mdb_dbi_open(txn, NULL, 0, table));
    return txn;
}

#define KEY_LEN 12
#define LONGEST 4000

static MDB_val key_of(char *into, uint64_t number) {
    memcpy(into, "key ", 4);
    for (int i = KEY_LEN - 1; i >= 4; i--, number /= 10)
        into[i] = (char)('0' + number % 10);
    return (MDB_val){KEY_LEN, into};
}

/* Most values are short; some take pages of their own. */
static MDB_val value_of(char *into, uint64_t number) {
    size_t len = mix(number) % 64 == 0 ? 2100 + mix(number) % 1900 : 40 + mix(number) % 60;
    fill_text(into, len, number);
    return (MDB_val){len, into};
}

static void load(MDB_env *env) {
    uint64_t records = number(argc_, argv_, "records", 100000), parts = 10;
    char key[32], value[LONGEST];
    for (uint64_t part = 0; part < parts; part++) {
        MDB_dbi table;
        MDB_txn *txn = begin(env, 0, &table);
        for (uint64_t i = part; i < records; i += parts) {
            MDB_val k = key_of(key, i), v = value_of(value, i);
            CHECK(mdb_put(txn, table, &k, &v, MDB_NOOVERWRITE));
            step();
        }
        CHECK(mdb_txn_commit(txn));
    }
    printf("loaded %" PRIu64 " records\n", records);
}

static void scan(MDB_env *env) {
    MDB_dbi table;
    MDB_txn *txn = begin(env, MDB_RDONLY, &table);
    MDB_cursor *cursor;
    CHECK(mdb_cursor_open(txn, table, &cursor));
    MDB_val k, v;
    uint64_t records = 0, bytes = 0, hash = HASH_START;
    int result;
    while (!(result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))) {
        records++, bytes += v.mv_size;
        hash = hash_of(hash_of(hash, k.mv_data, k.mv_size), v.mv_data, v.mv_size);
    }
    if (result != MDB_NOTFOUND)
        fail("mdb_cursor_get: %s", mdb_strerror(result));
    printf("scanned %" PRIu64 " records, %" PRIu64 " bytes, hash %016" PRIx64 "\n", records, bytes, hash);

    char key[32];
    uint64_t in_range = 0;
    k = key_of(key, 20000), hash = HASH_START;
    for (result = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); !result; result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        if (memcmp(k.mv_data, "key 00030000", KEY_LEN) >= 0)
            break;
        in_range++, hash = hash_of(hash, v.mv_data, v.mv_size);
    }
    printf("from 20000 to 30000: %" PRIu64 " records, hash %016" PRIx64 "\n", in_range, hash);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}

static void delete(MDB_env *env) {
    MDB_dbi table;
    MDB_txn *txn = begin(env, 0, &table);
    MDB_stat stat;
    CHECK(mdb_stat(txn, table, &stat));
    char key[32];
    uint64_t deleted = 0;
    for (uint64_t i = 0, end = stat.ms_entries; i < end; i += 3, deleted++) {
        MDB_val k = key_of(key, i);
        CHECK(mdb_del(txn, table, &k, NULL));
    }
    CHECK(mdb_txn_commit(txn));
    printf("deleted %" PRIu64 " records\n", deleted);
}

static void compact(MDB_env *env, const char *path) {
    const char *to = option(argc_, argv_, "to");
    if (!to)
        fail("compact needs --to=FILE");
    struct stat before, after;
    CHECK(mdb_env_copy2(env, to, MDB_CP_COMPACT));
    if (stat(path, &before) || stat(to, &after))
        fail("stat: %s", strerror(errno));
    /* With a writable map the file is as long as the map. */
    printf("compacted: %s\n", after.st_size < before.st_size ? "shorter" : "not shorter");
    printf("~compacted from %lld to %lld bytes\n", (long long)before.st_size, (long long)after.st_size);
}

static void show_stat(MDB_env *env) {
    MDB_stat stat;
    MDB_envinfo info;
    CHECK(mdb_env_stat(env, &stat));
    CHECK(mdb_env_info(env, &info));
    printf("stat: %" PRIu64 " records, transaction %" PRIu64 "\n", (uint64_t)stat.ms_entries, (uint64_t)info.me_last_txnid);
    printf("~pages of %u bytes, depth %u, %" PRIu64 " branch, %" PRIu64 " leaf, %" PRIu64 " overflow, last %" PRIu64 "; page numbers of %u bytes\n",
           stat.ms_psize, stat.ms_depth, (uint64_t)stat.ms_branch_pages, (uint64_t)stat.ms_leaf_pages,
           (uint64_t)stat.ms_overflow_pages, (uint64_t)info.me_last_pgno, (unsigned)sizeof(mdb_size_t));
}

/* What the lock file is for: pages that a reader still sees are not written again. */
static void beside(MDB_env *env) {
    MDB_dbi table;
    char key[32], value[LONGEST];
    MDB_txn *txn = begin(env, 0, &table);
    for (uint64_t i = 0; i < 1000; i++) {
        MDB_val k = key_of(key, i), v = value_of(value, i);
        CHECK(mdb_put(txn, table, &k, &v, 0));
    }
    CHECK(mdb_txn_commit(txn));
    MDB_txn *reader = begin(env, MDB_RDONLY, &table);
    for (uint64_t turn = 1; turn < 20; turn++) {
        CHECK(mdb_txn_begin(env, NULL, 0, &txn));
        for (uint64_t i = 0; i < 1000; i++) {
            MDB_val k = key_of(key, i), v = value_of(value, i + turn * 1000);
            CHECK(mdb_put(txn, table, &k, &v, 0));
        }
        CHECK(mdb_txn_commit(txn));
    }
    uint64_t old = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        MDB_val k = key_of(key, i), v = value_of(value, i), found;
        CHECK(mdb_get(reader, table, &k, &found));
        old += found.mv_size == v.mv_size && !memcmp(found.mv_data, v.mv_data, v.mv_size);
    }
    mdb_txn_abort(reader);
    printf("a reader beside 19 transactions: %" PRIu64 " of 1000 records as they were\n", old);
}

static const char COUNT_KEY[] = "transactions";

static uint64_t transactions_in(MDB_txn *txn, MDB_dbi table) {
    MDB_val k = {sizeof COUNT_KEY, (void *)COUNT_KEY}, v;
    uint64_t count;
    int result = mdb_get(txn, table, &k, &v);
    if (result == MDB_NOTFOUND)
        return 0;
    CHECK(result);
    if (v.mv_size != sizeof count)
        fail("the count of transactions has %zu bytes", v.mv_size);
    memcpy(&count, v.mv_data, sizeof count);
    return count;
}

static void work(MDB_env *env) {
    struct model model;
    uint64_t count = number(argc_, argv_, "transactions", 20), seed = number(argc_, argv_, "seed", 1);
    MDB_dbi table;
    MDB_txn *txn = begin(env, MDB_RDONLY, &table);
    uint64_t first = transactions_in(txn, table);
    mdb_txn_abort(txn);
    model_start(&model, seed, first);
    char key[32], *value = malloc(MODEL_LONGEST);
    if (!value)
        fail("no memory for a value");
    for (uint64_t t = first; t < first + count; t++) {
        txn = begin(env, 0, &table);
        for (unsigned i = 0; i < MODEL_CHANGES; i++) {
            struct change change = model_change(&model, t, i);
            MDB_val k = key_of(key, change.key), v = {model_len(change.version), value};
            step();
            if (change.version) {
                fill_text(value, v.mv_size, change.version);
                CHECK(mdb_put(txn, table, &k, &v, 0));
            } else {
                CHECK(mdb_del(txn, table, &k, NULL));
            }
        }
        MDB_val k = {sizeof COUNT_KEY, (void *)COUNT_KEY}, v = {sizeof t, &(uint64_t){t + 1}};
        CHECK(mdb_put(txn, table, &k, &v, 0));
        step();
        CHECK(mdb_txn_commit(txn));
        printf("\ncommitted %" PRIu64 "\n", t + 1);
        fflush(stdout);
        step();
    }
    printf("\nsteps %" PRIu64 "\n", steps());
    free(value);
}

static void verify(MDB_env *env) {
    struct model model;
    MDB_dbi table;
    MDB_txn *txn = begin(env, MDB_RDONLY, &table);
    uint64_t count = transactions_in(txn, table), records = 0;
    model_start(&model, number(argc_, argv_, "seed", 1), count);
    MDB_cursor *cursor;
    CHECK(mdb_cursor_open(txn, table, &cursor));
    MDB_val k, v;
    char *value = malloc(MODEL_LONGEST);
    int result;
    while (!(result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))) {
        if (k.mv_size == sizeof COUNT_KEY)
            continue;
        char name[KEY_LEN + 1] = "";
        memcpy(name, k.mv_data, k.mv_size < KEY_LEN ? k.mv_size : KEY_LEN);
        uint64_t key = strtoull(name + 4, NULL, 10), version = key < MODEL_KEYS ? model.versions[key] : 0;
        if (!version)
            fail("after %" PRIu64 " transactions there should be no record %" PRIu64, count, key);
        fill_text(value, model_len(version), version);
        if (v.mv_size != model_len(version) || memcmp(v.mv_data, value, v.mv_size))
            fail("after %" PRIu64 " transactions record %" PRIu64 " is not what it should be", count, key);
        records++;
    }
    if (result != MDB_NOTFOUND)
        fail("mdb_cursor_get: %s", mdb_strerror(result));
    if (records != model_records(&model))
        fail("after %" PRIu64 " transactions there are %" PRIu64 " records instead of %" PRIu64, count, records, model_records(&model));
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    free(value);
    printf("holds %" PRIu64 " transactions\n", count);
}

struct reading {
    MDB_txn *txn;
    MDB_dbi table;
    uint64_t records;
};

static uint64_t read_randomly(void *with, uint64_t round) {
    enum { READS = 2000 };
    struct reading *reading = with;
    char key[32];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < READS; i++) {
        MDB_val k = key_of(key, mix(round * READS + i) % reading->records), v;
        CHECK(mdb_get(reading->txn, reading->table, &k, &v));
        sum += v.mv_size + ((unsigned char *)v.mv_data)[0] + ((unsigned char *)v.mv_data)[v.mv_size - 1];
    }
    return sum;
}

static void bench(MDB_env *env) {
    struct reading reading;
    MDB_stat stat;
    reading.txn = begin(env, MDB_RDONLY, &reading.table);
    CHECK(mdb_stat(reading.txn, reading.table, &stat));
    reading.records = stat.ms_entries;
    measure(number(argc_, argv_, "rounds", 101), read_randomly, &reading);
    mdb_txn_abort(reading.txn);
}

int main(int argc, char **argv) {
    argc_ = argc, argv_ = argv;
    if (argc < 3)
        fail("%s", USAGE);
    const char *command = argv[1], *path = argv[2];
    start_steps(number(argc, argv, "last-step", 0), option(argc, argv, "dots") != NULL);
    if (!strcmp(command, "verify")) {
        for (int i = 2; i < argc; i++)
            if (strncmp(argv[i], "--", 2)) {
                MDB_env *env = open_env(argv[i], 0);
                verify(env);
                mdb_env_close(env);
            }
        return 0;
    }
    MDB_env *env = open_env(path, !strcmp(command, "bench") ? MDB_RDONLY : 0);
    if (!strcmp(command, "load"))
        load(env);
    else if (!strcmp(command, "scan"))
        scan(env);
    else if (!strcmp(command, "delete"))
        delete(env);
    else if (!strcmp(command, "compact"))
        compact(env, path);
    else if (!strcmp(command, "stat"))
        show_stat(env);
    else if (!strcmp(command, "beside"))
        beside(env);
    else if (!strcmp(command, "work"))
        work(env);
    else if (!strcmp(command, "bench"))
        bench(env);
    else
        fail("no command %s\n%s", command, USAGE);
    mdb_env_close(env);
    return 0;
}
