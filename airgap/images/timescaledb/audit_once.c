/* A module for PostgreSQL: what pgaudit logs again and again in one session is counted, and logged once every few seconds with its number
   (docs/adr/0027). A line of the log costs more than most statements do: the server writes it, and Docker carries it.

   The first line of a kind is logged as it is, at once, and each of DDL and of roles. A kind is all of a line but pgaudit's two numbers of the
   statement: class, command, type and name of the object. Further ones are counted; the number is written as one more line, `…,REPEATED,57`, after SECONDS, at the end of the
   session, or where there are too many kinds. What a server that is killed has not written is a number, of at most so many seconds.

   Within a signal nothing may be formatted: a line is made up when its kind is first repeated, and only its number is added later.

   Declared here is what is used of PostgreSQL 17; the server refuses a module of another major version by its magic block. */

#include <stddef.h>

#define SECONDS 5
#define KINDS 64
#define KIND_BYTES 256
#define LINE_BYTES 768
#define LOG_SERVER_ONLY 16
#define B_BACKEND 1
#define USER_TIMEOUT 13
#define STDERR 2

typedef struct {
    int level;
    _Bool to_server, to_client, hide_statement, hide_context;
    const char *file;
    int line;
    const char *function, *domain, *context_domain;
    int state;
    char *message;
} Report; /* the beginning of ErrorData */

typedef struct {
    char *data;
    int length, allocated, cursor;
} Text; /* StringInfoData */

typedef void Hook(Report *);

extern Hook *emit_log_hook;
extern char *Log_line_prefix;
extern int MyBackendType;
extern _Bool Logging_collector;
extern void initStringInfo(Text *);
extern void log_status_format(Text *, const char *format, Report *);
extern void pfree(void *);
extern int RegisterTimeout(int id, void (*handler)(void));
extern void enable_timeout_after(int id, int milliseconds);
extern _Bool get_timeout_active(int id);
extern void before_shmem_exit(void (*)(int code, unsigned long), unsigned long);
extern void RegisterXactCallback(void (*)(int event, void *), void *);

extern int memcmp(const void *, const void *, size_t);
extern void *memcpy(void *, const void *, size_t);
extern char *strchr(const char *, int);
extern size_t strlen(const char *);
extern int strncmp(const char *, const char *, size_t);
extern long write(int, const void *, size_t);

typedef struct {
    char kind[KIND_BYTES]; /* `SESSION` or `OBJECT`, and what stands behind the two numbers */
    size_t kind_length;
    char line[LINE_BYTES]; /* all of the line that tells the number but the number; none until it is repeated */
    size_t line_length;
    unsigned long more;
} Kind;

static Kind kinds[KINDS];
static int known;
static volatile _Bool changing; /* a signal may not look at `kinds` now, */
static volatile _Bool due;      /* and says that it came */
static int timeout = -1;
static Hook *former;

static void write_numbers(void) {
    for (int i = 0; i < known; i++) {
        Kind *kind = &kinds[i];
        if (kind->more == 0)
            continue;
        char line[LINE_BYTES + 24], digits[20];
        size_t length = kind->line_length, count = 0;
        memcpy(line, kind->line, length);
        for (unsigned long rest = kind->more; rest != 0; rest /= 10)
            digits[count++] = '0' + rest % 10;
        while (count != 0)
            line[length++] = digits[--count];
        line[length++] = '\n';
        /* One write of less than PIPE_BUF: no other process' line comes between. */
        if (write(STDERR, line, length) == (long)length)
            kind->more = 0;
    }
}

static void write_all(void) {
    changing = 1;
    write_numbers();
    known = 0; /* the next of each kind is logged at once again */
    changing = 0;
}

static void on_time(void) {
    if (changing)
        due = 1;
    else
        write_all();
}

static void on_exit_of_session(int code, unsigned long unused) {
    write_all();
}

/* After an error the server forgets all its timeouts. */
static void on_end_of_transaction(int event, void *unused) {
    if (known != 0 && !get_timeout_active(timeout))
        enable_timeout_after(timeout, SECONDS * 1000);
}

static void begin(void) {
    if (timeout >= 0)
        return;
    timeout = RegisterTimeout(USER_TIMEOUT, on_time);
    before_shmem_exit(on_exit_of_session, 0);
    RegisterXactCallback(on_end_of_transaction, NULL);
}

/* The line that will tell how often this was repeated; false if it is too long for that. */
static _Bool made_up(Kind *kind, Report *report) {
    static const char level[] = "LOG:  AUDIT: ", end[] = ",REPEATED,";
    Text text;
    initStringInfo(&text);
    log_status_format(&text, Log_line_prefix, report);
    size_t said = strlen(report->message) - strlen("AUDIT: "), length = (size_t)text.length;
    _Bool fits = length + sizeof level + said + sizeof end <= LINE_BYTES;
    if (fits) {
        memcpy(kind->line, text.data, length);
        memcpy(kind->line + length, level, sizeof level - 1);
        length += sizeof level - 1;
        memcpy(kind->line + length, report->message + strlen("AUDIT: "), said);
        length += said;
        memcpy(kind->line + length, end, sizeof end - 1);
        kind->line_length = length + sizeof end - 1;
    }
    pfree(text.data);
    return fits;
}

/* The kind of a message `AUDIT: SESSION,1,1,WRITE,…`, without the numbers; its length, or 0 for what is not counted. */
static size_t kind_of(const char *message, char *kind) {
    if (strncmp(message, "AUDIT: ", 7) != 0 || strchr(message, '\n') != NULL)
        return 0;
    const char *by = message + 7, *first = strchr(by, ','), *second = first ? strchr(first + 1, ',') : NULL;
    const char *rest = second ? strchr(second + 1, ',') : NULL;
    if (rest == NULL || (strncmp(rest, ",WRITE,", 7) != 0 && strncmp(rest, ",READ,", 6) != 0))
        return 0;
    size_t begin_length = (size_t)(first - by), rest_length = strlen(rest);
    if (begin_length + rest_length > KIND_BYTES)
        return 0;
    memcpy(kind, by, begin_length);
    memcpy(kind + begin_length, rest, rest_length);
    return begin_length + rest_length;
}

static void on_report(Report *report) {
    char wanted[KIND_BYTES];
    size_t length;
    if (former)
        former(report);
    if (!report->to_server || report->level != LOG_SERVER_ONLY || MyBackendType != B_BACKEND || Logging_collector || !report->message)
        return;
    if ((length = kind_of(report->message, wanted)) == 0)
        return;
    begin();
    changing = 1;
    Kind *kind = NULL;
    for (int i = 0; i < known && kind == NULL; i++)
        if (kinds[i].kind_length == length && memcmp(kinds[i].kind, wanted, length) == 0)
            kind = &kinds[i];
    if (kind != NULL) {
        if (kind->more != 0 || made_up(kind, report)) {
            kind->more++;
            report->to_server = 0;
        }
    } else {
        if (known == KINDS) {
            write_numbers();
            known = 0;
        }
        kind = &kinds[known];
        memcpy(kind->kind, wanted, length);
        kind->kind_length = length;
        kind->more = 0;
        known++;
    }
    changing = 0;
    if (due) {
        due = 0;
        write_all();
    }
    if (!get_timeout_active(timeout))
        enable_timeout_after(timeout, SECONDS * 1000);
}

void _PG_init(void) {
    former = emit_log_hook;
    emit_log_hook = on_report;
}

typedef struct {
    int length, version, arguments, index_keys, name_bytes, float8_by_value;
    char abi[32];
} Magic;

const Magic *Pg_magic_func(void) {
    static const Magic magic = {sizeof(Magic), 1700, 100, 32, 64, 1, "PostgreSQL"};
    return &magic;
}
