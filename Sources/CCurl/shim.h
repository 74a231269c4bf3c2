#pragma once
#include <curl/curl.h>

/* curl_easy_setopt and curl_easy_getinfo take any type after the option, which Swift cannot call: one function for each type. */

static inline CURLcode hostal_curl_set_long(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode hostal_curl_set_offset(CURL *curl, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(curl, option, value);
}
/* libcurl copies the text. */
static inline CURLcode hostal_curl_set_text(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode hostal_curl_set_pointer(CURL *curl, CURLoption option, void *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode hostal_curl_set_list(CURL *curl, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode hostal_curl_set_data_function(
    CURL *curl, CURLoption option, size_t (*value)(char *bytes, size_t size, size_t count, void *context)) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode hostal_curl_set_progress_function(
    CURL *curl, int (*value)(void *context, curl_off_t total, curl_off_t done, curl_off_t upTotal, curl_off_t upDone)) {
    return curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, value);
}
static inline long hostal_curl_response_code(CURL *curl) {
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}
/* -1 when the server did not say. */
static inline curl_off_t hostal_curl_content_length(CURL *curl) {
    curl_off_t length = -1;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length;
}
