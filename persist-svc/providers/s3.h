/* s3: what the files of the S3 provider share. */
#ifndef SHEAF_PERSIST_SVC_PROVIDERS_S3_H
#define SHEAF_PERSIST_SVC_PROVIDERS_S3_H

#include "lib/provider.h"

#define S3_TITLE "S3"

/* Pure: what an answer means. */
provider_judge s3_judge;

#endif
