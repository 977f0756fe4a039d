/* http: load for the gateway, and the bare loops beside it: as little work as can be between two answers.
 *
 *     http upload <port> <bytes> <connections> <limit>    POST /upload, one document a request, each another one
 *     http poll   <port> <path>  <connections> <limit>    GET, the same path again and again
 *     http unchanged <port> <path> <connections> <limit>  the same with the ETag of the first answer: 304
 *     http listen <port> <path>  <listeners>   <seconds>  as many event streams at once, on one thread
 *     http folder <dir>  <bytes> <writers>     <limit>    write, fsync, rename: what a durable upload must do
 *     http received <dir> <bytes> <writers>    <limit>    receive, SHA-256, write, fsync, rename: what any server of such uploads must do
 *     http sets   <socket> <bytes> <writers>   <limit>    SET of values as large, one at a time per writer
 *
 * <limit>: seconds, or xN: N requests in all.  One thread per connection, keep-alive; the clock starts when all are connected and
 * have what they send.  Prints one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/digest.h"
#include "tests/bench/bench.h"

#define LATENCIES 200000 /* kept of each thread */
#define HEAD_MAX  16384
#define UNIQUE    16 /* bytes of a document that no other has */

struct round {
    pthread_barrier_t together; /* the threads and the clock */
    int64_t until_ns;
    atomic_long left; /* requests; LONG_MAX where time is the limit */
};

struct work {
    struct round *round;
    const char *where, *path, *data; /* data: bytes of a document and END, the same for all threads */
    size_t bytes;
    int number;
    int64_t done, failed;
    uint32_t *us;
    int n_us;
    char first_failure[64];
};

/* --- one connection --- */

static int connect_to(const char *port)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) == -1) bench_die("connect", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int send_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads one answer; its status, or -1 when the connection broke.  *closes: the server ends it.  buf keeps its head. */
static int read_answer(int fd, char *buf, size_t size, bool *closes)
{
    char rest[HEAD_MAX];
    size_t got = 0;
    char *end = NULL;
    while (!end) {
        ssize_t n = recv(fd, buf + got, size - 1 - got, 0);
        if (n <= 0) return -1;
        got += (size_t)n;
        buf[got] = '\0';
        end = strstr(buf, "\r\n\r\n");
        if (!end && got == size - 1) return -1;
    }
    const char *length = strcasestr(buf, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0, have = got - (size_t)(end + 4 - buf);
    const char *connection = strcasestr(buf, "\r\nConnection: close");
    *closes = connection && connection < end;
    const int status = atoi(buf + 9);
    while (have < body) {
        ssize_t n = recv(fd, rest, body - have < sizeof rest ? body - have : sizeof rest, 0);
        if (n <= 0) return -1;
        have += (size_t)n;
    }
    return status;
}

static void took(struct work *w, int64_t began_ns)
{
    if (w->n_us < LATENCIES) w->us[w->n_us++] = (uint32_t)((bench_ns() - began_ns) / 1000);
}

/* All are ready; then, when the clock was read, they go. */
static void wait_for_start(struct work *w)
{
    pthread_barrier_wait(&w->round->together);
    pthread_barrier_wait(&w->round->together);
}

/* Is there another request to make? */
static bool goes_on(struct work *w)
{
    return atomic_fetch_sub(&w->round->left, 1) > 0 && bench_ns() < w->round->until_ns;
}

/* Sends the request again and again; `unique` (may be NULL) are 16 bytes of its head that no other request has, of another run neither. */
static void ask_again(struct work *w, char *head, size_t head_len, const char *body, size_t body_len, char *unique)
{
    char *buf = malloc(HEAD_MAX * 4);
    bool closes;
    int fd = connect_to(w->where);
    wait_for_start(w);
    for (uint64_t n = (uint64_t)bench_ns() & 0xffffffffffff; goes_on(w); n++) {
        char text[24];
        const int64_t began = bench_ns();
        snprintf(text, sizeof text, "%04d%012llx", w->number, (unsigned long long)n);
        if (unique) memcpy(unique, text, UNIQUE);
        int status = send_all(fd, head, head_len) == 0 && send_all(fd, body, body_len) == 0
                         ? read_answer(fd, buf, HEAD_MAX * 4, &closes)
                         : -1;
        if (status / 100 == 2 || status == 304) {
            w->done++;
            took(w, began);
        } else if (!w->failed++) {
            snprintf(w->first_failure, sizeof w->first_failure, "status %d", status);
        }
        if (status != -1 && !closes) continue;
        close(fd);
        fd = connect_to(w->where);
    }
    close(fd);
    free(buf);
}

#define BOUNDARY "----WebKitFormBoundary7MA4YWxkTrZu0gW" /* as long as a browser's: the search for it skips by its length */
#define END      "\r\n--" BOUNDARY "--\r\n"

static void *upload(void *user)
{
    static const char part[] = "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.pdf\"\r\n"
                               "Content-Type: application/pdf\r\n\r\n%PDF-1.4\n";
    struct work *w = user;
    const size_t len = sizeof part - 1 + w->bytes + sizeof END - 1;
    char head[512];
    int n = snprintf(head, sizeof head - UNIQUE, "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; "
                                                 "boundary=" BOUNDARY "\r\nContent-Length: %zu\r\n\r\n%s", len, part);
    ask_again(w, head, (size_t)n + UNIQUE, w->data + UNIQUE, w->bytes - UNIQUE + sizeof END - 1, head + n);
    return NULL;
}

static int get(char *out, size_t size, const char *path, const char *header)
{
    return snprintf(out, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n%s\r\n", path, header);
}

static void *poll_path(void *user)
{
    struct work *w = user;
    char head[1024];
    int n = get(head, sizeof head, w->path, "");
    ask_again(w, head, (size_t)n, "", 0, NULL);
    return NULL;
}

/* The header that asks whether it is still what this answer says; "" when the answer has no ETag. */
static void if_none_match(const char *port, const char *path, char *out, size_t size)
{
    char head[1024], answer[HEAD_MAX];
    bool closes;
    int fd = connect_to(port), n = get(head, sizeof head, path, "");
    *out = '\0';
    if (send_all(fd, head, (size_t)n) == -1 || read_answer(fd, answer, sizeof answer, &closes) != 200) bench_die("GET", path);
    const char *tag = strcasestr(answer, "\r\nETag: ");
    if (tag) snprintf(out, size, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 8, "\r"), tag + 8);
    close(fd);
}

static void *poll_unchanged(void *user)
{
    struct work *w = user;
    char head[1024], header[160];
    if_none_match(w->where, w->path, header, sizeof header);
    if (!*header) bench_die("no ETag at", w->path);
    int n = get(head, sizeof head, w->path, header);
    ask_again(w, head, (size_t)n, "", 0, NULL);
    return NULL;
}

/* --- the bare loops --- */

/* One document into a file of its own under the folder's final name, by `fill`. */
static void write_durably(struct work *w, int dir, uint64_t n, void (*fill)(struct work *, int file, int from), int from)
{
    char begun[512], whole[512];
    snprintf(begun, sizeof begun, "%s/.%d.%llu", w->where, w->number, (unsigned long long)n);
    snprintf(whole, sizeof whole, "%s/%d.%llu", w->where, w->number, (unsigned long long)n);
    int fd = open(begun, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd == -1) bench_die(begun, strerror(errno));
    fill(w, fd, from);
    if (fsync(fd) == -1 || rename(begun, whole) == -1 || fsync(dir) == -1) bench_die("folder", strerror(errno));
    close(fd);
}

static void from_memory(struct work *w, int file, int from)
{
    (void)from;
    if (write(file, w->data, w->bytes) != (ssize_t)w->bytes) bench_die("folder", strerror(errno));
}

static void from_peer(struct work *w, int file, int from)
{
    static _Thread_local char piece[65536];
    char hex[DIGEST_HEX];
    digest_t *d = digest_new();
    for (size_t left = w->bytes; left;) {
        const ssize_t n = recv(from, piece, left < sizeof piece ? left : sizeof piece, 0);
        if (n <= 0) bench_die("received", n ? strerror(errno) : "the sender is gone");
        digest_add(d, piece, (size_t)n);
        if (write(file, piece, (size_t)n) != n) bench_die("folder", strerror(errno));
        left -= (size_t)n;
    }
    digest_end(&d, hex);
}

static int open_folder(const char *path)
{
    const int dir = open(path, O_RDONLY | O_DIRECTORY);
    if (dir == -1) bench_die(path, strerror(errno));
    return dir;
}

static void *folder(void *user)
{
    struct work *w = user;
    const int dir = open_folder(w->where);
    wait_for_start(w);
    for (uint64_t n = 0; goes_on(w); n++, w->done++) {
        const int64_t began = bench_ns();
        write_durably(w, dir, n, from_memory, -1);
        took(w, began);
    }
    close(dir);
    return NULL;
}

struct server {
    struct work *work;
    int listener;
};

/* The other end of one connection: a byte for each document that is safe. */
static void *serve(void *user)
{
    const struct server *server = user;
    const int from = accept(server->listener, NULL, NULL), dir = open_folder(server->work->where);
    for (uint64_t n = 0; recv(from, (char[1]){0}, 1, MSG_PEEK) == 1; n++) {
        write_durably(server->work, dir, n, from_peer, from);
        if (send(from, "", 1, MSG_NOSIGNAL) != 1) break;
    }
    close(dir);
    close(from);
    return NULL;
}

static void *received(void *user)
{
    struct work *w = user;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t at_len = sizeof at;
    struct server server = {w, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    pthread_t thread;
    char port[8];
    if (bind(server.listener, (struct sockaddr *)&at, sizeof at) == -1 || listen(server.listener, 1) == -1 ||
        getsockname(server.listener, (struct sockaddr *)&at, &at_len) == -1)
        bench_die("listen", strerror(errno));
    pthread_create(&thread, NULL, serve, &server);
    snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
    const int to = connect_to(port);
    wait_for_start(w);
    for (; goes_on(w); w->done++) {
        const int64_t began = bench_ns();
        if (send_all(to, w->data, w->bytes) == -1 || recv(to, (char[1]){0}, 1, 0) != 1) bench_die("received", strerror(errno));
        took(w, began);
    }
    close(to);
    pthread_join(thread, NULL);
    close(server.listener);
    return NULL;
}

static void *sets(void *user)
{
    struct work *w = user;
    redisContext *c = bench_connect(w->where);
    wait_for_start(w);
    for (uint64_t n = 0; goes_on(w); n++, w->done++) {
        const int64_t began = bench_ns();
        redisReply *r = redisCommand(c, "SET bare:%d:%llu %b EX 600", w->number, (unsigned long long)n % 20, w->data, w->bytes);
        if (!r || r->type == REDIS_REPLY_ERROR) bench_die("SET", r ? r->str : c->errstr);
        freeReplyObject(r);
        took(w, began);
    }
    redisFree(c);
    return NULL;
}

/* --- listeners --- */

/* Opens them all, then reads what comes: how many are served as streams, how many events each got at least. */
static int listen_all(const char *port, const char *path, int n, int seconds)
{
    char head[1024], buf[65536];
    int streams = 0, refused = 0, closed = 0, ep = epoll_create1(EPOLL_CLOEXEC);
    int64_t bytes = 0, *events = calloc((size_t)n, sizeof *events);
    int *fds = calloc((size_t)n, sizeof *fds);
    const int len = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n", path);
    const int64_t began = bench_ns();
    for (int i = 0; i < n; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        fds[i] = connect_to(port);
        if (send_all(fds[i], head, (size_t)len) == -1) bench_die("listen", strerror(errno));
        epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e);
    }
    const int64_t opened = bench_ns(), until = opened + (int64_t)seconds * 1000000000;
    bool *seen = calloc((size_t)n, sizeof *seen);
    while (bench_ns() < until) {
        struct epoll_event e[64];
        const int ready = epoll_wait(ep, e, 64, 100);
        for (int k = 0; k < ready; k++) {
            const uint32_t i = e[k].data.u32;
            ssize_t got = recv(fds[i], buf, sizeof buf - 1, 0);
            if (got <= 0) {
                epoll_ctl(ep, EPOLL_CTL_DEL, fds[i], NULL);
                closed++;
                continue;
            }
            buf[got] = '\0';
            bytes += got;
            if (!seen[i]) {
                seen[i] = true;
                if (strncmp(buf, "HTTP/1.1 200", 12) == 0) streams++;
                else refused++;
            }
            for (char *at = buf; (at = memmem(at, (size_t)(buf + got - at), "\ndata: ", 7)); at += 7) events[i]++;
        }
    }
    int64_t least = INT64_MAX, all = 0;
    for (int i = 0; i < n; i++) {
        all += events[i];
        if (events[i] < least) least = events[i];
    }
    printf("{\"streams\":%d,\"refused\":%d,\"closed\":%d,\"open_ms\":%.1f,\"events\":%lld,\"least\":%lld,\"bytes\":%lld}\n",
           streams, refused, closed, (double)(opened - began) / 1e6, (long long)all, (long long)least, (long long)bytes);
    return 0;
}

/* --- the whole --- */

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* No byte repeats for long, as in a compressed document.  END after them. */
static char *noise(size_t bytes)
{
    char *data = malloc(bytes + sizeof END);
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < bytes; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        data[i] = (char)x;
    }
    memcpy(data + bytes, END, sizeof END);
    return data;
}

static int run(void *(*one)(void *), const char *where, const char *what, int n, const char *limit)
{
    struct work *w = calloc((size_t)n, sizeof *w);
    pthread_t *threads = calloc((size_t)n, sizeof *threads);
    const size_t bytes = strtoul(what, NULL, 10);
    char *data = noise(bytes);
    const bool counted = *limit == 'x';
    struct round round = {.left = counted ? atol(limit + 1) : LONG_MAX, .until_ns = INT64_MAX};
    pthread_barrier_init(&round.together, NULL, (unsigned)n + 1);
    for (int i = 0; i < n; i++) {
        w[i] = (struct work){.round = &round, .where = where, .path = what, .data = data, .bytes = bytes, .number = i,
                             .us = malloc(LATENCIES * sizeof(uint32_t))};
        pthread_create(&threads[i], NULL, one, &w[i]);
    }
    pthread_barrier_wait(&round.together);
    const int64_t began = bench_ns();
    if (!counted) round.until_ns = began + (int64_t)(atof(limit) * 1e9);
    pthread_barrier_wait(&round.together);
    int64_t done = 0, failed = 0;
    int n_us = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        done += w[i].done;
        failed += w[i].failed;
        n_us += w[i].n_us;
        if (*w[i].first_failure) fprintf(stderr, "http: %s\n", w[i].first_failure);
    }
    const double spent = (double)(bench_ns() - began) / 1e9;
    uint32_t *all = malloc(((size_t)n_us + 1) * sizeof *all);
    for (int i = 0, at = 0; i < n; at += w[i++].n_us) memcpy(all + at, w[i].us, (size_t)w[i].n_us * sizeof *all);
    qsort(all, (size_t)n_us, sizeof *all, by_size);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    const double cpu = (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
    printf("{\"done\":%lld,\"failed\":%lld,\"per_s\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"load_cpu_us\":%.1f}\n", (long long)done,
           (long long)failed, (double)done / spent, n_us ? all[n_us / 2] : 0, n_us ? all[n_us - 1 - n_us / 100] : 0,
           done ? cpu / (double)done * 1e6 : 0);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void *(*one)(void *);
    } modes[] = {{"upload", upload}, {"poll", poll_path}, {"unchanged", poll_unchanged}, {"folder", folder}, {"received", received}, {"sets", sets}};
    if (argc != 6) bench_die("usage", "http MODE WHERE WHAT NUMBER LIMIT");
    const int n = atoi(argv[4]);
    if (strcmp(argv[1], "listen") == 0) return listen_all(argv[2], argv[3], n, atoi(argv[5]));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(argv[1], modes[i].name) == 0) return run(modes[i].one, argv[2], argv[3], n, argv[5]);
    bench_die("there is no mode", argv[1]);
}
