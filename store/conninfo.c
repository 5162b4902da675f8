/* Completes connection strings, by libpq's own parser. */
#include "store/conninfo.h"

#include <apr_strings.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

/* An idle connection is asked every 10 s whether it is still there, which also keeps firewalls from
 * forgetting it. What was sent must have arrived within a second: then the statement can still be
 * run on another connection before the request's deadline. */
static const struct {
    const char *keyword;
    const char *value;
} DEFAULTS[] = {
    { "keepalives_idle", "10" },
    { "keepalives_interval", "1" },
    { "keepalives_count", "3" },
    { "tcp_user_timeout", "1000" },
};

static const char *default_of(const char *keyword)
{
    for (apr_size_t i = 0; i < sizeof(DEFAULTS) / sizeof(*DEFAULTS); i++) {
        if (strcmp(DEFAULTS[i].keyword, keyword) == 0) {
            return DEFAULTS[i].value;
        }
    }
    return NULL;
}

static const char *quoted(apr_pool_t *pool, const char *value)
{
    char *result = apr_palloc(pool, 2 * strlen(value) + 1), *end = result;

    for (; *value; value++) {
        if (*value == '\'' || *value == '\\') {
            *end++ = '\\';
        }
        *end++ = *value;
    }
    *end = '\0';
    return result;
}

static int names_service(const PQconninfoOption *options)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, "service") == 0) {
            return options->val || getenv("PGSERVICE");
        }
    }
    return 0;
}

static const char *value_of(const PQconninfoOption *option, const char *name, int has_service)
{
    if (name && strcmp(option->keyword, "application_name") == 0) {
        return name;
    }
    return option->val || has_service ? option->val : default_of(option->keyword);
}

const char *secsession_conninfo_complete(apr_pool_t *pool, const char *params, const char *name)
{
    PQconninfoOption *options = PQconninfoParse(params, NULL);
    const char *complete = "";
    int has_service = options && names_service(options);

    if (options == NULL) {
        return params; /* libpq says what is wrong with it when it connects */
    }
    /* An older libpq does not know all of them: only those that it lists are added. */
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = value_of(option, name, has_service);

        if (value) {
            complete = apr_psprintf(pool, "%s%s='%s' ", complete, option->keyword,
                                    quoted(pool, value));
        }
    }
    PQconninfoFree(options);
    return complete;
}
