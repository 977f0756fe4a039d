/* essay: the text of an entry's essay: what stands under the essay's heading, and on pages that bear no form.
 * Pure. */
#ifndef SHEAF_LLM_SVC_ESSAY_H
#define SHEAF_LLM_SVC_ESSAY_H

#include "lib/buf.h"
#include "llm-svc/face.h"

/* Appends the page's part of the essay, line by line, with a line break before it when `text` is not empty.
 * `headed`: an essay heading stands somewhere in the entry, so that a form page without one holds none of it.
 * Returns whether there was any. */
bool essay_read(const vocabulary_t *vocabulary, const struct face *face, bool headed, struct buf *text);

#endif
