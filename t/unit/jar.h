/* What the tests of session/jar.h share: the page that asks, the time, and cookies as they are
 * read. */
#ifndef SECSESSION_TEST_JAR_H
#define SECSESSION_TEST_JAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "session/jar.h"

#define NOW 1700000000
#define DAY (24 * 3600)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static apr_pool_t *pool;

static const secsession_asker_t HERE = { .host = "www.example.com", .path = "/app/page" };

static inline int parse(const char *field, secsession_kept_t *cookie)
{
    return secsession_jar_parse(pool, field, &HERE, NOW, cookie);
}

static inline secsession_kept_t read_cookie(const char *field)
{
    secsession_kept_t cookie;

    if (!parse(field, &cookie)) {
        fail_msg("not kept: %s", field);
    }
    return cookie;
}

static inline void check_refused(const char *const *fields, size_t count)
{
    secsession_kept_t cookie;

    for (size_t i = 0; i < count; i++) {
        if (parse(fields[i], &cookie)) {
            fail_msg("kept: %s", fields[i]);
        }
    }
}

#define CHECK_REFUSED(fields) check_refused(fields, COUNT(fields))

static inline const char *repeated(char c, int count)
{
    char *text = apr_palloc(pool, (apr_size_t)count + 1);

    memset(text, c, (apr_size_t)count);
    text[count] = '\0';
    return text;
}

static int set_up(void **state)
{
    apr_initialize();
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int tear_down(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

#endif
