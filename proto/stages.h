/* stages: the names of the stages, for those who show or open them.  What follows what is decided in one
 * place, dispatcher/pipeline.c; what each stage is given is written in STAGES.md. */
#ifndef SHEAF_STAGES_H
#define SHEAF_STAGES_H

struct stage_name {
    const char *name;    /* task type */
    const char *service; /* who does it */
    const char *title;   /* for people */
};

#define STAGE_NAMES_N 7
extern const struct stage_name stage_names[STAGE_NAMES_N]; /* in the order in which a job meets them */
int stage_find(const char *name);                          /* its place there; -1: there is no such stage */

/* What enqueue opens for a new job. */
#define STAGES_FIRST {"store", "inspect"}

#endif
