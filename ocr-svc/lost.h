/* lost: writing on a page that lies under none of its words: lines that a layout left out. Pure; any thread. */
#ifndef SHEAF_OCR_SVC_LOST_H
#define SHEAF_OCR_SVC_LOST_H

#include "ocr-svc/ink.h"
#include "ocr-svc/page.h"

/* At most so many places of a page; on what has more, the largest. */
#define LOST_MAX 12

enum lost_as { LOST_BLOCKS, LOST_LINES };

/* Finds what looks like writing in `map`, the ink of the page as its words' boxes have it without ruled lines (ink_erase_rules), and lies under no word: what is
 * as high as its words are, line by line, or lines that follow each other as one block.  Pieces of frames, specks, pictures and the edge of a sheet on
 * a table are none.  Uses the map up: what was writing under words, or is not writing, is off it then.  Writes the boxes, from the
 * top down, to `out`; returns how many.  -1: no memory. */
int lost_find(struct ink_map *map, const struct page *page, enum lost_as as, struct page_box out[LOST_MAX]);

#endif
