#include "lib/netaddr.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/auto.h"

/* IANA's IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), and multicast and what lies behind it. */
static const struct {
    uint32_t net;
    int bits;
} special_v4[] = {
    {0x00000000, 8},  /* this network */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* shared, carriers' NAT */
    {0x7f000000, 8},  /* this machine */
    {0xa9fe0000, 16}, /* link; clouds answer with credentials here */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
};

static bool v4_is_public(uint32_t address)
{
    for (size_t i = 0; i < COUNT_OF(special_v4); i++)
        if ((address ^ special_v4[i].net) >> (32 - special_v4[i].bits) == 0) return false;
    return true;
}

static uint32_t v4_at(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool v6_is_public(const uint8_t b[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0) return v4_is_public(v4_at(b + 12));
    if ((b[0] & 0xe0) != 0x20) return false; /* only 2000::/3 is given out; the rest is special or unused */
    if (b[0] == 0x20 && b[1] == 0x02) return v4_is_public(v4_at(b + 2));                        /* 6to4 */
    if (b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02) return false;                              /* Teredo, ORCHID, … */
    if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8) return false;             /* documentation */
    return !(b[0] == 0x3f && b[1] == 0xff && b[2] < 0x10);                                      /* documentation */
}

bool netaddr_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return v4_is_public(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return v6_is_public(in.sin6_addr.s6_addr);
    }
    return false;
}
