/* export_links: addresses of originals for those who get an export and have no account here. */
#ifndef SHEAF_PERSIST_SVC_EXPORT_LINKS_H
#define SHEAF_PERSIST_SVC_EXPORT_LINKS_H

#include <jansson.h>
#include "persist-svc/store.h"

/* Puts into each record's pdf_url the object store's own address, signed and good for SHEAF_LINK_LIFE.  Where the store has none, or does
 * not answer, the gateway's address stays, which is good for whoever may see the document there. At most STORE_LINKS_MOST records. */
void export_links(const struct stores *stores, json_t *records);

#endif
