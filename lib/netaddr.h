/* netaddr: what kind of network an address belongs to.  Pure. */
#ifndef SHEAF_NETADDR_H
#define SHEAF_NETADDR_H

#include <stdbool.h>
#include <sys/socket.h>

/* An address of the internet at large: not of this machine, a private or shared network, the link, a multicast group, a
 * documentation or benchmark range (the registries of RFC 6890), nor such a one in an IPv6 disguise (mapped, NAT64,
 * 6to4).  Anything but IPv4 and IPv6 is not. */
bool netaddr_is_public(const struct sockaddr *address);

#endif
