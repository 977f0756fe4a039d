#include "lib/curl_once.h"

#include <curl/curl.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode state;

static void start(void)
{
    state = curl_global_init(CURL_GLOBAL_DEFAULT);
}

bool curl_once(void)
{
    (void)pthread_once(&once, start);
    return state == CURLE_OK;
}
