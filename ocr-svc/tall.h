/* tall: words whose boxes hold two lines of writing.
 *
 * A layout takes a small label and the answer below it for one line, reads the answer, and the label lies hidden under the answer's box.
 * Pure; any thread. */
#ifndef SHEAF_OCR_SVC_TALL_H
#define SHEAF_OCR_SVC_TALL_H

#include "ocr-svc/ink.h"
#include "ocr-svc/page.h"

/* Looks at each word that is much higher than the page's words are and whose box rows without ink part into two lines.  Where it was read surely, its
 * box is cut down to the line with more ink, else the word is dropped: what lies under no word is read again (lost.h).  `map`: the
 * ink of the page as its words' boxes have it, without ruled lines.  Returns how many such words there were. */
size_t tall_cut(const struct ink_map *map, struct page *page);

#endif
