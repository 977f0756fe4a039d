/* read: `llm-svc --read PAGE.json…`, page files read from the command line without the rest of Sheaf. */
#ifndef SHEAF_LLM_SVC_READ_H
#define SHEAF_LLM_SVC_READ_H

#define READ_ARG "--read"

/* Each file holds pages (proto/STAGES.md, "A page") as JSON, one after the other, as `ocr-svc --read` prints
 * them.  Prints one JSON object {"split":…,"entries":[…]}, indented.  Settings come from the environment.
 * Returns the exit code: 0 read, 1 refused, 2 usage, 100 a wrong setting, 111 the system's fault. */
int read_main(int argc, char **argv);

#endif
