/* A module for Redis: each account logs in only from addresses that are named for it, which Redis' ACL can't say (docs/adr/0014).

   The setting `addresses.rules` has words `NAME@ADDRESS`, `NAME@ADDRESS/BITS`, and `!NAME@…`, which refuses. As in pg_hba.conf the first word
   that fits account and address decides, and who fits none is refused before the password is looked at. Whoever is let in here is asked for
   the password by the ACL. A Unix socket and loopback are let in always: behind them is who may read the container's passwords anyway, and
   who puts wrong rules right. Connections that have logged in stay.

   It needs no header beside the compiler's own: what is used of Redis' API (version 1, Redis 7.2 and later) and of the C library is declared
   here, by their documentation. Pointers of the API are asked for by name when the module is loaded. */

#include <stddef.h>

#define OK 0
#define FAILED 1
#define HANDLED 0     /* of a login: refused, since nobody was logged in */
#define NOT_HANDLED 1 /* the ACL decides */
#define LOGIN_REFUSED 0 /* the reason "auth" of ACL LOG */
#define UNIX_SOCKET (1 << 4)
#define IPV4 2
#define IPV6 10
#define ADDRESS_BYTES 16
#define ADDRESS_TEXT 46

typedef struct Context Context;
typedef struct Text Text;

typedef struct {
    unsigned long long version, flags, id;
    char address[ADDRESS_TEXT];
    unsigned short port, database;
} Client;

typedef int Login(Context *, Text *account, Text *password, Text **error);
typedef Text *Shown(const char *setting, void *data);
typedef int Changed(const char *setting, Text *value, void *data, Text **error);

static struct {
    int (*is_name_busy)(const char *);
    void (*set_attributes)(Context *, const char *name, int version, int api);
    void *(*allocate)(size_t);
    void (*release)(void *);
    Text *(*text)(Context *, const char *format, ...);
    const char *(*characters)(const Text *, size_t *length);
    void (*keep_text)(Context *, Text *);
    void (*free_text)(Context *, Text *);
    unsigned long long (*client_of)(Context *);
    int (*client)(void *client, unsigned long long id);
    int (*list_refusal)(Context *, Text *account, Text *object, int reason);
    void (*on_login)(Context *, Login *);
    int (*setting)(Context *, const char *name, const char *initial, unsigned int flags, Shown *, Changed *, void *apply, void *data);
    int (*load_settings)(Context *);
} redis;

extern int inet_pton(int family, const char *text, void *address);
extern int memcmp(const void *, const void *, size_t);
extern void *memcpy(void *, const void *, size_t);
extern void *memchr(const void *, int, size_t);
extern void *memrchr(const void *, int, size_t);
extern size_t strlen(const char *);

typedef struct {
    const char *account; /* in `value` */
    size_t length;
    int refuses;
    int bits;
    unsigned char network[ADDRESS_BYTES];
} Rule;

static Text *value;
static Rule *rules;
static size_t count;

static const unsigned char MAPPED[12] = {[10] = 0xff, [11] = 0xff};

/* IPv4 is kept as the IPv6 address that stands for it, so that both spellings of an address are one. Returns where its own bits begin, or -1. */
static int read_address(const char *text, size_t length, unsigned char address[ADDRESS_BYTES]) {
    char whole[ADDRESS_TEXT];
    if (length >= sizeof whole || memchr(text, 0, length)) return -1;
    memcpy(whole, text, length);
    whole[length] = 0;
    if (inet_pton(IPV6, whole, address) == 1) return 0;
    memcpy(address, MAPPED, sizeof MAPPED);
    return inet_pton(IPV4, whole, address + sizeof MAPPED) == 1 ? 8 * (int)sizeof MAPPED : -1;
}

static int bit(const unsigned char address[ADDRESS_BYTES], int at) { return address[at / 8] >> (7 - at % 8) & 1; }

static int is_in(const unsigned char address[ADDRESS_BYTES], const unsigned char network[ADDRESS_BYTES], int bits) {
    if (memcmp(address, network, bits / 8)) return 0;
    for (int at = bits / 8 * 8; at < bits; at++)
        if (bit(address, at) != bit(network, at)) return 0;
    return 1;
}

/* A word of the setting. */
static int read_rule(const char *word, size_t length, Rule *rule) {
    rule->refuses = length && *word == '!';
    word += rule->refuses, length -= rule->refuses;
    const char *at = memrchr(word, '@', length);
    if (!at || at == word) return FAILED;
    rule->account = word;
    rule->length = at - word;
    const char *address = at + 1, *end = word + length, *slash = memchr(address, '/', end - address);
    int begin = read_address(address, (slash ? slash : end) - address, rule->network);
    if (begin < 0) return FAILED;
    int given = 8 * ADDRESS_BYTES - begin;
    if (slash) {
        if (end - slash < 2 || end - slash > 4) return FAILED;
        int digits = 0;
        for (const char *digit = slash + 1; digit < end; digit++) {
            if (*digit < '0' || *digit > '9') return FAILED;
            digits = 10 * digits + *digit - '0';
        }
        if (digits > given) return FAILED;
        given = digits;
    }
    rule->bits = begin + given;
    for (int at_bit = rule->bits; at_bit < 8 * ADDRESS_BYTES; at_bit++)
        if (bit(rule->network, at_bit)) return FAILED; /* a host's address where a network's is meant: probably a mistake */
    return OK;
}

static Text *show_rules(const char *setting, void *data) {
    (void)setting, (void)data;
    return value;
}

/* Takes all of the new rules, or none. */
static int change_rules(const char *setting, Text *given, void *data, Text **error) {
    (void)setting, (void)data;
    size_t length, words = 0;
    const char *text = redis.characters(given, &length), *end = text + length;
    for (const char *at = text; at < end; at++) words += *at != ' ' && (at == text || at[-1] == ' ');
    Rule *read = redis.allocate((words + 1) * sizeof *read);
    size_t done = 0;
    for (const char *at = text; at < end;) {
        const char *space = memchr(at, ' ', end - at), *stop = space ? space : end;
        if (stop > at && read_rule(at, stop - at, &read[done++]) != OK) {
            redis.release(read);
            *error = redis.text(NULL, "word %d is none of NAME@ADDRESS, NAME@NETWORK/BITS and these after an exclamation mark", (int)done);
            return FAILED;
        }
        at = stop + 1;
    }
    redis.keep_text(NULL, given);
    if (value) redis.free_text(NULL, value);
    redis.release(rules);
    value = given, rules = read, count = done;
    return OK;
}

static int is_let_in(const char *account, size_t length, const unsigned char address[ADDRESS_BYTES]) {
    for (const Rule *rule = rules; rule < rules + count; rule++)
        if (rule->length == length && !memcmp(rule->account, account, length) && is_in(address, rule->network, rule->bits))
            return !rule->refuses;
    return 0;
}

static int is_loopback(const unsigned char address[ADDRESS_BYTES]) {
    static const unsigned char ONE[ADDRESS_BYTES] = {[15] = 1};
    return !memcmp(address, ONE, sizeof ONE) || (!memcmp(address, MAPPED, sizeof MAPPED) && address[sizeof MAPPED] == 127);
}

/* Of AUTH, and of HELLO with AUTH. */
static int log_in(Context *context, Text *account, Text *password, Text **error) {
    (void)password;
    Client client = {.version = 1};
    unsigned char address[ADDRESS_BYTES];
    size_t length;
    const char *name = redis.characters(account, &length);
    if (redis.client(&client, redis.client_of(context)) == OK) {
        client.address[ADDRESS_TEXT - 1] = 0;
        if (client.flags & UNIX_SOCKET) return NOT_HANDLED;
        if (read_address(client.address, strlen(client.address), address) >= 0 && (is_loopback(address) || is_let_in(name, length, address)))
            return NOT_HANDLED;
    }
    /* The list counts equal refusals of a minute as one: with the address in it, those of another address are others. */
    Text *object = redis.text(NULL, "from %s", client.address);
    redis.list_refusal(context, account, object, LOGIN_REFUSED);
    redis.free_text(NULL, object);
    *error = redis.text(NULL, "-WRONGPASS this account is not let in from the address %s", client.address);
    return HANDLED;
}

/* Called by the server, whose context begins with a pointer to the function that gives the others. */
int RedisModule_OnLoad(Context *context, Text **arguments, int how_many) {
    (void)arguments, (void)how_many;
    int (*ask)(const char *, void *) = *(int (**)(const char *, void *))context;
    if (ask("RedisModule_IsModuleNameBusy", &redis.is_name_busy) || ask("RedisModule_SetModuleAttribs", &redis.set_attributes) ||
        ask("RedisModule_Alloc", &redis.allocate) || ask("RedisModule_Free", &redis.release) ||
        ask("RedisModule_CreateStringPrintf", &redis.text) || ask("RedisModule_StringPtrLen", &redis.characters) ||
        ask("RedisModule_RetainString", &redis.keep_text) || ask("RedisModule_FreeString", &redis.free_text) ||
        ask("RedisModule_GetClientId", &redis.client_of) || ask("RedisModule_GetClientInfoById", &redis.client) ||
        ask("RedisModule_ACLAddLogEntryByUserName", &redis.list_refusal) || ask("RedisModule_RegisterAuthCallback", &redis.on_login) ||
        ask("RedisModule_RegisterStringConfig", &redis.setting) || ask("RedisModule_LoadConfigs", &redis.load_settings) ||
        redis.is_name_busy("addresses"))
        return FAILED;
    redis.set_attributes(context, "addresses", 1, 1);
    if (redis.setting(context, "rules", "", 0, show_rules, change_rules, NULL, NULL) != OK || redis.load_settings(context) != OK) return FAILED;
    redis.on_login(context, log_in);
    return OK;
}
