#include "cli/stack.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/auto.h"

#define LOOPBACK        "127.0.0.1"
#define REPLICAS_MAX    64
#define DISPATCHERS_MAX 10 /* ports +20 to +29 */

/* glibc keeps, for each thread, seven freed pieces of each of 64 sizes, and what lies between them: 0.4 MiB of a dispatcher's 5 after its first
 * 200,000 tasks. Without them its memory is the same after a million tasks as after ten thousand (1.02 and 1.00 times), and it is no slower;
 * there is no other way to say so than this, before the program starts. Not for those that decode and recognise: their libraries live on it. */
#define WITHOUT_CACHE "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"

static const struct service_row {
    const char *name;
    unsigned who;
    enum unit_rank rank;
    int most;           /* replicas on one machine */
    bool without_cache; /* of freed memory */
} services[STACK_SERVICES] = {
    /* In the order of their start.  The gateway has one port for its clients, persist-svc locks its database. */
    {"dispatcher", W_DISPATCHER, RANK_DISPATCHER, DISPATCHERS_MAX, true},
    {"persist-svc", W_PERSIST, RANK_STAGE, 1, true},
    {"ocr-svc", W_OCR, RANK_STAGE, REPLICAS_MAX, false},
    {"llm-svc", W_LLM, RANK_STAGE, REPLICAS_MAX, true},
    {"notify-svc", W_NOTIFY, RANK_STAGE, REPLICAS_MAX, true},
    {"gateway", W_GATEWAY, RANK_GATEWAY, 1, false},
};

/* The settings of the children that follow from how many there are. */
struct wiring {
    char redis_url[PATH_MAX + 64]; /* with its name before it */
    char dispatchers[1024];
};

int stack_service(const char *name)
{
    for (int i = 0; i < STACK_SERVICES; i++) {
        size_t n = strlen(name);
        const char *full = services[i].name;
        if (strcmp(full, name) == 0 ||
            (n > 0 && strncmp(full, name, n) == 0 && strcmp(full + n, "-svc") == 0))
            return i;
    }
    return -1;
}

const char *stack_service_name(int position)
{
    return position < STACK_SERVICES ? services[position].name : NULL;
}

unsigned stack_service_who(int position)
{
    return services[position].who;
}

int stack_init(struct stack *stack, const struct settings *settings, const char *var, struct err *err)
{
    *stack = (struct stack){.settings = settings, .var = var};
    ssize_t n = readlink("/proc/self/exe", stack->programs, sizeof stack->programs - 1);
    char *slash = n > 0 ? strrchr(stack->programs, '/') : NULL;
    if (!slash) return err_sys(err, ERR_UNAVAILABLE, errno, "where this program lies");
    *slash = '\0';
    stack->own_redis = !stack_redis_is_given();
    for (int i = 0; i < STACK_SERVICES; i++) stack->replicas[i] = 1;
    return 0;
}

int stack_set_replicas(struct stack *stack, int position, const char *count, struct err *err)
{
    char *end;
    long n = strtol(count, &end, 10);
    const struct service_row *service = &services[position];
    if (!*count || *end || n < 0 || n > service->most)
        return err_set(err, ERR_CONFIG, "%s: \"%.20s\" is not a number of replicas from 0 to %d",
                       service->name, count, service->most);
    stack->replicas[position] = (int)n;
    return 0;
}

void stack_redis_url(const struct settings *settings, const char *var, char *out, size_t room)
{
    size_t path_len = (size_t)snprintf(out, room, "unix://%s/redis/redis.sock", var) - strlen("unix://");
    /* A socket's path has 108 bytes (unix(7)), and a URL gives some characters a meaning. */
    if (path_len < sizeof((struct sockaddr_un *)0)->sun_path && path_len < room && !strpbrk(var, "?#% "))
        return;
    (void)snprintf(out, room, "redis://127.0.0.1:%d", (int)settings->port + SETTINGS_REDIS_PORT_OFFSET);
}

bool stack_redis_is_given(void)
{
    const char *url = getenv("REDIS_URL"), *file = getenv("REDIS_URL_FILE");
    return (url && *url) || (file && *file);
}

/* Several dispatchers bind one port each, and every worker is told all of them. */
static void wire_dispatchers(const struct stack *stack, struct wiring *w)
{
    int n = stack->replicas[stack_service("dispatcher")],
        port = (int)stack->settings->port + SETTINGS_DISPATCHER_PORT_OFFSET;
    size_t used = (size_t)snprintf(w->dispatchers, sizeof w->dispatchers, "SHEAF_DISPATCHERS=");
    for (int i = 0; i < n && used < sizeof w->dispatchers; i++)
        used += (size_t)snprintf(w->dispatchers + used, sizeof w->dispatchers - used, "%stcp://127.0.0.1:%d",
                                 i ? "," : "", port + i);
}

static int add_redis(const struct stack *stack, const struct wiring *w, supervisor_t *supervisor,
                     struct err *err)
{
    char port[12], dir[PATH_MAX], socket[PATH_MAX + 32];
    const char *path = strstr(w->redis_url, "unix://");
    int number = (int)stack->settings->port + SETTINGS_REDIS_PORT_OFFSET;
    (void)snprintf(port, sizeof port, "%d", number);
    (void)snprintf(dir, sizeof dir, "%s/redis", stack->var);
    (void)snprintf(socket, sizeof socket, "%s", path ? path + strlen("unix://") : "");
    /* DESIGN section 4 says why: nothing is evicted; streams delete quickest in small nodes; a job's hash in one piece
     * (values up to 1 KiB, not 64 bytes) spares three misses of the cache a field; the log of commands is rewritten seldom, since most of it is work that has ended. */
    const char *argv[] = {"redis-server",
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--dir",
                          dir,
                          "--daemonize",
                          "no",
                          "--save",
                          "",
                          "--appendonly",
                          "yes",
                          "--appendfsync",
                          stack->settings->redis_fsync,
                          "--auto-aof-rewrite-min-size",
                          "1gb",
                          "--maxmemory-policy",
                          "noeviction",
                          "--stream-node-max-entries",
                          "4",
                          "--hash-max-listpack-value",
                          "1024",
                          "--loglevel",
                          "warning",
                          "--unixsocketperm",
                          "700",
                          "--unixsocket",
                          socket,
                          NULL};
    if (!path) argv[COUNT_OF(argv) - 5] = NULL; /* without the last two options */
    struct unit_spec spec = {.service = "redis",
                             .rank = RANK_REDIS,
                             .argv = argv,
                             .probe_port = number,
                             .address = LOOPBACK,
                             .question = "PING\r\n",
                             .wanted = "+PONG"};
    return supervisor_add(supervisor, &spec, err);
}

/* An SHEAF_ADMIN_PORT of our own environment is meant for one process, so not for these. */
static int admin_port(const struct stack *stack, unsigned who)
{
    struct settings derived = *stack->settings;
    derived.admin_port = SETTING_UNSET;
    return settings_admin_port(&derived, who);
}

int stack_ports(const struct stack *stack, int ports[STACK_PORTS_MAX])
{
    const int base = (int)stack->settings->port, *replicas = stack->replicas;
    int n = 0;
    if (replicas[stack_service("gateway")]) ports[n++] = settings_gateway_port(stack->settings);
    if (replicas[stack_service("persist-svc")]) ports[n++] = settings_gateway_port(stack->settings) + SETTINGS_RECORDS_PORT_OFFSET;
    for (int i = 0; i < STACK_SERVICES; i++)
        if (replicas[i]) ports[n++] = admin_port(stack, services[i].who);
    for (int i = 0; i < replicas[stack_service("dispatcher")]; i++) ports[n++] = base + SETTINGS_DISPATCHER_PORT_OFFSET + i;
    if (stack->own_redis) ports[n++] = base + SETTINGS_REDIS_PORT_OFFSET;
    return n;
}

static int add_replica(const struct stack *stack, const struct wiring *w, int position, int number,
                       supervisor_t *supervisor, struct err *err)
{
    const struct service_row *service = &services[position];
    char program[PATH_MAX + 32], bind[64];
    const char *argv[] = {program, NULL}, *environment[UNIT_ENV_MAX] = {0};
    bool many = stack->replicas[stack_service("dispatcher")] > 1;
    const bool outside = service->rank == RANK_GATEWAY;
    int n = 0;
    (void)snprintf(program, sizeof program, "%s/%s", stack->programs, service->name);
    if (access(program, X_OK) == -1) return err_sys(err, ERR_CONFIG, errno, "%.150s", program);
    if (service->without_cache && !getenv("GLIBC_TUNABLES")) environment[n++] = WITHOUT_CACHE;
    /* SHEAF_BIND is for who calls from outside. Among themselves the services believe each other: the records API takes a header's word for who asks. */
    if (!outside) environment[n++] = "SHEAF_BIND=" LOOPBACK;
    if (stack->own_redis) environment[n++] = w->redis_url;
    if (many && service->rank == RANK_STAGE) environment[n++] = w->dispatchers;
    if (many && service->rank == RANK_DISPATCHER) {
        (void)snprintf(bind, sizeof bind, "SHEAF_DISPATCHER_BIND=tcp://127.0.0.1:%d",
                       (int)stack->settings->port + SETTINGS_DISPATCHER_PORT_OFFSET + number);
        environment[n++] = bind;
    }
    struct unit_spec spec = {.service = service->name,
                             .number = number,
                             .rank = service->rank,
                             .argv = argv,
                             .environment = environment,
                             .address = outside ? settings_gateway_host(stack->settings) : LOOPBACK,
                             .question = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                             .wanted = "HTTP/1.1 200"};
    if (number == 0) spec.probe_port = admin_port(stack, service->who);
    return supervisor_add(supervisor, &spec, err);
}

int stack_add(const struct stack *stack, supervisor_t *supervisor, struct err *err)
{
    struct wiring w;
    size_t n = (size_t)snprintf(w.redis_url, sizeof w.redis_url, "REDIS_URL=");
    stack_redis_url(stack->settings, stack->var, w.redis_url + n, sizeof w.redis_url - n);
    wire_dispatchers(stack, &w);
    if (stack->own_redis && add_redis(stack, &w, supervisor, err) == -1) return -1;
    for (int i = 0; i < STACK_SERVICES; i++) {
        for (int number = 0; number < stack->replicas[i]; number++) {
            if (add_replica(stack, &w, i, number, supervisor, err) == -1) return -1;
        }
    }
    return 0;
}
