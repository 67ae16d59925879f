/* Does with SQLite what programs do with it, one command per process, and prints what it sees.
   Lines that begin with ~ are about how SQLite reads, and differ with what it is told. */
#include "../driver/driver.h"

#include <inttypes.h>

#include "../driver/model.h"
#include "calls.h"

static const char *const USAGE =
    "driver COMMAND DATABASE [--mmap=BYTES] [--journal=MODE] ...\n"
    "  load --records=N    authors, books, an index, and a full-text index, in ten transactions\n"
    "  query               joins, aggregates, ranges, full text\n"
    "  delete              every third book, and their words\n"
    "  check               PRAGMA integrity_check\n"
    "  work --transactions=N --seed=S [--last-step=K] [--dots]   transactions that say when they are committed\n"
    "  verify --seed=S     which transactions a database holds, or each of several\n"
    "  bench --rounds=R [--memory]   time of queries, of the file or of a copy in memory, and of plain computation";

static int argc_;
static char **argv_;
static sqlite3 *db;

static void check(int result, const char *what) {
    if (result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE)
        fail("%s: %s (%d)", what, sqlite3_errmsg(db), sqlite3_extended_errcode(db));
}

static void run(const char *sql) {
    check(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
    return statement;
}

static int next(sqlite3_stmt *statement) {
    int result = sqlite3_step(statement);
    check(result, sqlite3_sql(statement));
    return result == SQLITE_ROW;
}

/* Runs a statement with up to three numbers, and forgets its rows. */
static void with_numbers(sqlite3_stmt *statement, int count, const sqlite3_int64 *numbers) {
    for (int i = 0; i < count; i++)
        check(sqlite3_bind_int64(statement, i + 1, numbers[i]), "bind");
    while (next(statement)) {
    }
    sqlite3_reset(statement);
}

static sqlite3_int64 number_from(const char *sql) {
    sqlite3_stmt *statement = prepare(sql);
    sqlite3_int64 value = next(statement) ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return value;
}

static void open_database(const char *path) {
    sqlite3_initialize();
    /* Without locks: WASI has none, and one process at a time has the database. */
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix-none");
    if (!vfs)
        fail("this SQLite has no VFS unix-none");
    count_calls(vfs);
    check(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-none"), path);
    char pragma[100];
    snprintf(pragma, sizeof pragma, "PRAGMA mmap_size = %" PRIu64, number(argc_, argv_, "mmap", 0));
    run(pragma);
    /* Guests may have no folder for temporary files. */
    run("PRAGMA temp_store = memory");
    const char *journal = option(argc_, argv_, "journal");
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode = %.20s", journal ? journal : "delete");
    run(pragma);
}

/* The kernel's own word on how much is mapped, and what went through system calls. */
static void show_calls(void) {
    sqlite3_int64 limit = -1;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_MMAP_SIZE, &limit);
    printf("~mmap limit %lld; %" PRIu64 " mmap (%" PRIu64 " bytes), %" PRIu64 " munmap, %" PRIu64 " pread (%" PRIu64 " bytes), %" PRIu64
           " pwrite\n",
           (long long)limit, calls.maps, calls.mapped_bytes, calls.unmaps, calls.reads, calls.read_bytes, calls.writes);
}

static void load(void) {
    uint64_t records = number(argc_, argv_, "records", 30000), authors = records / 20 + 1, parts = 10;
    run("CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL);"
        "CREATE TABLE book(id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author, year INTEGER NOT NULL,"
        " price REAL NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL);"
        "CREATE INDEX book_author ON book(author, year);"
        "CREATE VIRTUAL TABLE words USING fts5(title, content='book', content_rowid='id')");
    char text[1000];
    run("BEGIN");
    sqlite3_stmt *author = prepare("INSERT INTO author VALUES (?, ?, ?)");
    for (uint64_t i = 0; i < authors; i++) {
        fill_text(text, 20, i);
        sqlite3_bind_int64(author, 1, (sqlite3_int64)i);
        sqlite3_bind_text(author, 2, text, 20, SQLITE_TRANSIENT);
        fill_text(text, 5, i % 40);
        sqlite3_bind_text(author, 3, text, 5, SQLITE_TRANSIENT);
        next(author);
        sqlite3_reset(author);
    }
    sqlite3_finalize(author);
    run("COMMIT");
    for (uint64_t part = 0; part < parts; part++) {
        run("BEGIN");
        sqlite3_stmt *book = prepare("INSERT INTO book VALUES (?, ?, ?, ?, ?, ?)");
        for (uint64_t i = part; i < records; i += parts) {
            uint64_t seed = mix(i), len = 100 + seed % 200;
            sqlite3_bind_int64(book, 1, (sqlite3_int64)i);
            sqlite3_bind_int64(book, 2, (sqlite3_int64)(seed % authors));
            sqlite3_bind_int64(book, 3, (sqlite3_int64)(1500 + seed % 500));
            sqlite3_bind_double(book, 4, (double)(seed % 10000) / 4.0);
            fill_text(text, 40, i + 1000000);
            sqlite3_bind_text(book, 5, text, 40, SQLITE_TRANSIENT);
            fill_text(text, len, i);
            sqlite3_bind_text(book, 6, text, (int)len, SQLITE_TRANSIENT);
            next(book);
            sqlite3_reset(book);
        }
        sqlite3_finalize(book);
        run("COMMIT");
    }
    run("INSERT INTO words(words) VALUES ('rebuild')");
    printf("loaded %" PRIu64 " records\n", records);
}

static int show_row(void *rows, int columns, char **values, char **names) {
    (void)names;
    ++*(uint64_t *)rows;
    for (int i = 0; i < columns; i++)
        printf("%s%s", i ? " | " : "  ", values[i] ? values[i] : "NULL");
    putchar('\n');
    return 0;
}

static void query(void) {
    static const char *const QUERIES[] = {
        "SELECT count(*), sum(length(text)), min(year), max(year), round(avg(price), 3) FROM book",
        "SELECT country, count(*), round(sum(price), 2) FROM book JOIN author ON author.id = book.author GROUP BY country ORDER BY 2 DESC, 1 LIMIT 8",
        "SELECT author.name, count(*) AS books, max(year) FROM author LEFT JOIN book ON book.author = author.id GROUP BY author.id"
        " ORDER BY books DESC, author.id LIMIT 5",
        "SELECT a.id, b.id, a.year FROM book a JOIN book b ON b.author = a.author AND b.year = a.year AND b.id > a.id ORDER BY 1, 2 LIMIT 6",
        "SELECT id, title FROM book WHERE author BETWEEN 100 AND 103 AND year > 1700 ORDER BY price DESC, id LIMIT 6",
        "SELECT year / 100, count(*), group_concat(DISTINCT year % 7) FROM book GROUP BY 1 ORDER BY 1",
        "WITH RECURSIVE chain(id, n) AS (SELECT 7, 0 UNION ALL SELECT (id * 31 + 17) % 20000, n + 1 FROM chain WHERE n < 300)"
        " SELECT count(*), sum(length(title)), sum(year) FROM chain JOIN book USING (id)",
        "SELECT count(*), min(rowid), max(rowid) FROM words WHERE words MATCH 'a OR b OR e*'",
        "SELECT rowid, title FROM words WHERE words MATCH 'ab*' ORDER BY rowid LIMIT 5",
        "SELECT DISTINCT substr(text, 1, 2) AS start FROM book ORDER BY start DESC LIMIT 5",
    };
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES; i++) {
        uint64_t rows = 0;
        printf("%.60s...\n", QUERIES[i]);
        check(sqlite3_exec(db, QUERIES[i], show_row, &rows, NULL), QUERIES[i]);
        printf("  %" PRIu64 " rows\n", rows);
    }
}

static void delete(void) {
    run("BEGIN; INSERT INTO words(words, rowid, title) SELECT 'delete', id, title FROM book WHERE id % 3 = 0;"
        "DELETE FROM book WHERE id % 3 = 0; COMMIT");
    printf("deleted, %lld are left\n", (long long)number_from("SELECT count(*) FROM book"));
    run("VACUUM");
    puts("vacuumed");
}

static void integrity(void) {
    uint64_t rows = 0;
    sqlite3_stmt *statement = prepare("PRAGMA integrity_check");
    while (next(statement)) {
        const char *says = (const char *)sqlite3_column_text(statement, 0);
        rows++;
        if (strcmp(says, "ok"))
            fail("integrity_check: %s", says);
    }
    sqlite3_finalize(statement);
    if (rows != 1)
        fail("integrity_check said nothing");
}

static int has_records(void) {
    return number_from("SELECT count(*) FROM sqlite_schema WHERE name = 'record'") != 0;
}

static void work(void) {
    struct model model;
    uint64_t count = number(argc_, argv_, "transactions", 20);
    if (!has_records())
        run("BEGIN; CREATE TABLE record(key INTEGER PRIMARY KEY, version INTEGER NOT NULL, text TEXT NOT NULL);"
            "CREATE INDEX record_version ON record(version);"
            "CREATE TABLE done(transactions INTEGER NOT NULL); INSERT INTO done VALUES (0); COMMIT");
    uint64_t first = (uint64_t)number_from("SELECT transactions FROM done");
    model_start(&model, number(argc_, argv_, "seed", 1), first);
    sqlite3_stmt *put = prepare("INSERT OR REPLACE INTO record VALUES (?, ?, ?)");
    sqlite3_stmt *take = prepare("DELETE FROM record WHERE key = ?"), *done = prepare("UPDATE done SET transactions = ?");
    char *text = malloc(MODEL_LONGEST);
    if (!text)
        fail("no memory for a text");
    for (uint64_t t = first; t < first + count; t++) {
        run("BEGIN");
        for (unsigned i = 0; i < MODEL_CHANGES; i++) {
            struct change change = model_change(&model, t, i);
            step();
            if (change.version) {
                size_t len = model_len(change.version);
                fill_text(text, len, change.version);
                sqlite3_bind_text(put, 3, text, (int)len, SQLITE_STATIC);
                with_numbers(put, 2, (sqlite3_int64[]){(sqlite3_int64)change.key, (sqlite3_int64)change.version});
            } else {
                with_numbers(take, 1, (sqlite3_int64[]){(sqlite3_int64)change.key});
            }
        }
        with_numbers(done, 1, (sqlite3_int64[]){(sqlite3_int64)t + 1});
        step();
        run("COMMIT");
        printf("\ncommitted %" PRIu64 "\n", t + 1);
        fflush(stdout);
        step();
    }
    printf("\nsteps %" PRIu64 "\n", steps());
    sqlite3_finalize(put), sqlite3_finalize(take), sqlite3_finalize(done);
    free(text);
}

static void verify(void) {
    struct model model;
    uint64_t count = has_records() ? (uint64_t)number_from("SELECT transactions FROM done") : 0, records = 0;
    integrity();
    model_start(&model, number(argc_, argv_, "seed", 1), count);
    char *text = malloc(MODEL_LONGEST);
    if (!text)
        fail("no memory for a text");
    sqlite3_stmt *all = has_records() ? prepare("SELECT key, version, text FROM record") : NULL;
    while (all && next(all)) {
        uint64_t key = (uint64_t)sqlite3_column_int64(all, 0), version = key < MODEL_KEYS ? model.versions[key] : 0;
        size_t len = model_len(version);
        if (!version || (uint64_t)sqlite3_column_int64(all, 1) != version)
            fail("after %" PRIu64 " transactions record %" PRIu64 " should have version %" PRIu64, count, key, version);
        fill_text(text, len, version);
        if ((size_t)sqlite3_column_bytes(all, 2) != len || memcmp(sqlite3_column_text(all, 2), text, len))
            fail("after %" PRIu64 " transactions record %" PRIu64 " is not what it should be", count, key);
        records++;
    }
    sqlite3_finalize(all);
    if (records != model_records(&model))
        fail("after %" PRIu64 " transactions there are %" PRIu64 " records instead of %" PRIu64, count, records, model_records(&model));
    free(text);
    printf("holds %" PRIu64 " transactions\n", count);
}

struct reading {
    sqlite3_stmt *by_id, *by_author;
    uint64_t books, authors;
};

static uint64_t read_randomly(void *with, uint64_t round) {
    enum { LOOKUPS = 200, RANGES = 2 };
    struct reading *reading = with;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < LOOKUPS; i++) {
        sqlite3_bind_int64(reading->by_id, 1, (sqlite3_int64)(mix(round * LOOKUPS + i) % reading->books));
        while (next(reading->by_id))
            sum += (uint64_t)sqlite3_column_bytes(reading->by_id, 0) + (uint64_t)sqlite3_column_bytes(reading->by_id, 1);
        sqlite3_reset(reading->by_id);
    }
    for (uint64_t i = 0; i < RANGES; i++) {
        sqlite3_int64 from = (sqlite3_int64)(mix(round * RANGES + i) % reading->authors);
        sqlite3_bind_int64(reading->by_author, 1, from);
        sqlite3_bind_int64(reading->by_author, 2, from + 20);
        while (next(reading->by_author))
            sum += (uint64_t)sqlite3_column_int64(reading->by_author, 0);
        sqlite3_reset(reading->by_author);
    }
    return sum;
}

/* Goes on with a copy of the database in memory: what the queries cost without any file. */
static void into_memory(void) {
    sqlite3 *file = db, *memory;
    check(sqlite3_open(":memory:", &memory), "memory");
    sqlite3_backup *backup = sqlite3_backup_init(memory, "main", file, "main");
    if (!backup || sqlite3_backup_step(backup, -1) != SQLITE_DONE)
        fail("backup: %s", sqlite3_errmsg(memory));
    sqlite3_backup_finish(backup);
    sqlite3_close(file);
    db = memory;
}

static void bench(void) {
    if (option(argc_, argv_, "memory"))
        into_memory();
    struct reading reading = {
        prepare("SELECT author.name, book.text FROM book JOIN author ON author.id = book.author WHERE book.id = ?"),
        prepare("SELECT count(*) + sum(length(text)) FROM book WHERE author BETWEEN ? AND ?"),
        (uint64_t)number_from("SELECT max(id) + 1 FROM book"),
        (uint64_t)number_from("SELECT max(id) + 1 FROM author"),
    };
    run("BEGIN");
    measure(number(argc_, argv_, "rounds", 101), read_randomly, &reading);
    sqlite3_finalize(reading.by_id), sqlite3_finalize(reading.by_author);
    run("COMMIT");
}

int main(int argc, char **argv) {
    argc_ = argc, argv_ = argv;
    if (argc < 3)
        fail("%s", USAGE);
    const char *command = argv[1];
    if (!strcmp(command, "verify")) {
        for (int i = 2; i < argc; i++)
            if (strncmp(argv[i], "--", 2)) {
                open_database(argv[i]);
                verify();
                check(sqlite3_close(db), "close");
            }
        return 0;
    }
    open_database(argv[2]);
    start_steps(number(argc, argv, "last-step", 0), option(argc, argv, "dots") != NULL);
    if (!strcmp(command, "load"))
        load();
    else if (!strcmp(command, "query"))
        query();
    else if (!strcmp(command, "delete"))
        delete();
    else if (!strcmp(command, "check"))
        integrity(), puts("integrity_check: ok");
    else if (!strcmp(command, "work"))
        work();
    else if (!strcmp(command, "bench"))
        bench();
    else
        fail("no command %s\n%s", command, USAGE);
    show_calls();
    check(sqlite3_close(db), "close");
    return 0;
}
