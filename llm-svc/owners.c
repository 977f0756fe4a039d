#include "llm-svc/owners.h"

/* A word stands beside a label when it shares this much of its height with it, also when it fell into another
 * row. */
#define BESIDE 0.5
/* How far left of its label a value below it may begin, and how far below it may stand, in heights of the
 * label. */
#define COLUMN_SLACK 1.5
#define BELOW_MAX    5.0
#define BELOW_MIN_PT 36.0
/* Printed answers may stand below one another, each so many heights further down. */
#define CHOICE_STEP 3.0

static double middle_x(const struct box *b)
{
    return (b->x0 + b->x1) / 2;
}

static double middle_y(const struct box *b)
{
    return (b->y0 + b->y1) / 2;
}

double owners_column_end(const struct face *face, int label)
{
    const struct label *of = &face->labels[label];
    double end = face->page->width;
    for (int i = 0; i < face->n_labels; i++) {
        const struct label *other = &face->labels[i];
        bool beside = i != label && (other->row == of->row || box_overlap_y(&other->box, &of->box) >= BESIDE);
        if (beside && other->box.x0 > of->box.x1 && other->box.x0 < end) end = other->box.x0;
    }
    return end;
}

/* The nearest label to the left of the word, on its line. */
static int beside_label(const struct face *face, int word)
{
    const struct box *box = &face->page->words[word].box;
    int best = -1;
    for (int i = 0; i < face->n_labels; i++) {
        const struct label *label = &face->labels[i];
        bool same_line = label->row == face->layout.row_of[word] || box_overlap_y(&label->box, box) >= BESIDE;
        if (!same_line || label->box.x1 > middle_x(box)) continue;
        if (best < 0 || label->box.x1 > face->labels[best].box.x1) best = i;
    }
    return best;
}

/* The nearest label above the word in whose column it stands. */
static int above_label(const struct face *face, int word)
{
    const struct box *box = &face->page->words[word].box;
    int best = -1;
    for (int i = 0; i < face->n_labels; i++) {
        const struct label *label = &face->labels[i];
        double height = box_height(&label->box), left = label->box.x0 - COLUMN_SLACK * height;
        if (middle_y(&label->box) >= middle_y(box) || label->row == face->layout.row_of[word]) continue;
        if (middle_x(box) < left || middle_x(box) >= owners_column_end(face, i) - COLUMN_SLACK * height)
            continue;
        if (best < 0 || label->box.y1 > face->labels[best].box.y1) best = i;
    }
    if (best < 0) return -1;
    const struct box *label = &face->labels[best].box;
    double reach = (BELOW_MAX + CHOICE_STEP * face->labels[best].field->n_choices) * box_height(label);
    if (reach < BELOW_MIN_PT) reach = BELOW_MIN_PT;
    return box->y0 - label->y1 <= reach ? best : -1;
}

void owners_find(const struct face *face, struct owner *owners)
{
    for (int w = 0; w < face->page->n_words; w++) {
        owners[w] = (struct owner){.label = -1, .how = OWNED_NOT};
        if (face->role[w] != ROLE_FREE || face_is_essay_word(face, w)) continue;
        int label = beside_label(face, w);
        if (label >= 0) {
            owners[w] = (struct owner){label, OWNED_BESIDE};
            continue;
        }
        label = above_label(face, w);
        if (label >= 0) owners[w] = (struct owner){label, OWNED_BELOW};
    }
}
