#include "cli/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define ENDING_MS 2000
#define LOOK_MS   50

/* As the services bind it: connections that have ended are not in the way. */
static bool is_taken(in_addr_t address, int port)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = address};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd == -1) return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool taken = bind(fd, (const struct sockaddr *)&a, sizeof a) == -1 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

int ports_await_free(const int *ports, int n, const char *address, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    const int64_t until_ms = clock_ms() + ENDING_MS;
    struct in_addr given = {.s_addr = htonl(INADDR_LOOPBACK)};
    (void)inet_pton(AF_INET, address, &given); /* what is no address is refused by the services themselves */
    for (int i = 0; i < n; i++) {
        while (is_taken(htonl(INADDR_LOOPBACK), ports[i]) || is_taken(given.s_addr, ports[i])) {
            if (clock_ms() >= until_ms)
                return err_set(err, ERR_CONFIG, "another program listens on port %d; SHEAF_PORT moves this stack, or see who it is: ss -ltnp", ports[i]);
            (void)nanosleep(&pause, NULL);
        }
    }
    return 0;
}
