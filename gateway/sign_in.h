/* sign_in: what is said of who may call: in the log, to `sheaf doctor`, and to a browser that nobody is signed in with. */
#ifndef SHEAF_GATEWAY_SIGN_IN_H
#define SHEAF_GATEWAY_SIGN_IN_H

#include "lib/settings.h"

void sign_in_log(const struct settings *s);   /* the choice, and why it was made */
void sign_in_probe(const struct settings *s); /* for svc.h's probe: fetches the project's keys once */

#endif
