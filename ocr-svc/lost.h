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

/* Widens the boxes of words below the confidence `doubtful` to hold what stands right beside them in their line like a letter or two and lies under no word:
 * a layout may leave the 9 out of "9° grado".  Too short to be found above, it is read with its word.  `map` as above, used up as well.  Returns how many
 * such pieces there were; -1: no memory, nothing was changed. */
int lost_beside(struct ink_map *map, struct page *page, float doubtful);

#endif
