/* ink: where a page's picture is darker than the paper around it. Pure; any thread. */
#ifndef SHEAF_OCR_SVC_INK_H
#define SHEAF_OCR_SVC_INK_H

#include <stddef.h>
#include <stdint.h>

/* A map of at most about INK_SIDE cells a side, one byte a cell: 1 ink, 0 paper. */
struct ink_map {
    int width, height;
    uint8_t *cells;
};
#define INK_SIDE 1000

/* Paper is what is lightest in the neighbourhood, so shadows and yellow paper are no ink, nor is the even
 * dark of a scanner's lid. 0, or -1 out of memory. */
int ink_map_init(struct ink_map *map, const uint8_t *grey, int width, int height, size_t stride);
int ink_map_copy(struct ink_map *map, const struct ink_map *of); /* 0, or -1 out of memory */
void ink_map_done(struct ink_map *map);

size_t ink_count(const struct ink_map *map);
double ink_share(const struct ink_map *map); /* 0 to 1 */
void ink_erase(struct ink_map *map, double left, double top, double right,
               double bottom);             /* in cells; clipped */
void ink_erase_rules(struct ink_map *map); /* runs of ink longer than any letter: lines, frames */

#endif
