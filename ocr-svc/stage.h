/* stage: the work functions of ocr-svc's two task types, as lib/stage.h wants them.  `shared` is a
 * struct ocr, a thread's state is its reader. */
#ifndef SHEAF_OCR_SVC_STAGE_H
#define SHEAF_OCR_SVC_STAGE_H

#include "lib/stage.h"

int ocr_thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err);
void ocr_thread_close(void *thread);

/* proto/STAGES.md: how many pages, or why the document is refused. */
int ocr_inspect(void *thread, const struct stage_task *task, json_t **result, struct err *err);
/* One page read and put out; a page that cannot be read is a result too. */
int ocr_page(void *thread, const struct stage_task *task, json_t **result, struct err *err);

#endif
