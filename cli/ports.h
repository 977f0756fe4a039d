/* ports: whether somebody else listens where the stack is to. */
#ifndef SHEAF_CLI_PORTS_H
#define SHEAF_CLI_PORTS_H

#include "lib/err.h"

/* 0: nobody listens on these ports of loopback and of `address`.  -1: ERR_CONFIG with the first on which somebody does, who is waited for
 * a moment: what was killed just now may still be ending. */
int ports_await_free(const int *ports, int n, const char *address, struct err *err);

#endif
