/* entry: an extracted entry (proto/STAGES.md, "An entry") and its task's body as what a record store is
 * given. Pure. */
#ifndef SHEAF_PERSIST_SVC_ENTRY_H
#define SHEAF_PERSIST_SVC_ENTRY_H

#include <jansson.h>
#include "lib/err.h"
#include "persist-svc/object_path.h"
#include "persist-svc/store.h"

/* What every task's body says about its document. Texts are borrowed from the body. ERR_INPUT when it is not
 * so. */
struct document {
    const char *owner, *digest, *mime, *name, *batch; /* batch, name NULL when not given */
    char base[BASE_ID];
    char object_path[OBJECT_PATH_MAX];
};
int document_read(struct document *document, const json_t *body, struct err *err);

/* Fills the parts of *save that the entry says: pages, doc_class, values, evidence, word_count, confidence,
 * observed. Everything in it may be absent.  values and evidence are new objects that entry_done() frees; the
 * rest is borrowed from `entry`, which must live as long. */
int entry_read(struct record_save *save, const json_t *entry, struct err *err);
void entry_done(struct record_save *save);

#endif
