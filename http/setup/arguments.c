/* Parses durations, numbers, paths and the cookie: the arguments that most directives take. */
#include "http/setup/arguments.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>

#include "http/parse/target.h"
#include "store/store.h"

#define TEN_YEARS (10L * 365 * 24 * 60 * 60)

const char *secsession_argument_wrong(cmd_parms *cmd, const char *argument, const char *allowed)
{
    return apr_psprintf(cmd->pool, "%s is '%s'; it must be %s", cmd->cmd->name, argument, allowed);
}

static long unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        long seconds;
    } units[] = {
        { "", 1 }, { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }
    };

    for (apr_size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(unit, units[i].name) == 0) {
            return units[i].seconds;
        }
    }
    return 0;
}

#define DURATION                                                                                   \
    "a duration above zero such as 30s, 15m, 8h or 30d (a plain number means seconds), of "        \
    "at most ten years"

/* Returns 0 if `argument` is not a duration. */
static int read_duration(const char *argument, int *seconds)
{
    char *unit;
    long count = strtol(argument, &unit, 10);
    long factor = unit_seconds(unit);

    if (!apr_isdigit(*argument) || factor == 0 || count < 1 || count > TEN_YEARS / factor) {
        return 0;
    }
    *seconds = (int)(count * factor);
    return 1;
}

const char *secsession_argument_duration(cmd_parms *cmd, const char *argument, int *seconds)
{
    return read_duration(argument, seconds) ? NULL
                                            : secsession_argument_wrong(cmd, argument, DURATION);
}

const char *secsession_argument_interval(cmd_parms *cmd, const char *argument, int *seconds)
{
    *seconds = 0;
    return strcasecmp(argument, "off") == 0 || read_duration(argument, seconds)
               ? NULL
               : secsession_argument_wrong(cmd, argument, "off, or " DURATION);
}

const char *secsession_argument_milliseconds(cmd_parms *cmd, const char *argument, int least,
                                             int *milliseconds)
{
    const long day = 24L * 60 * 60 * 1000;
    char *unit;
    long count = strtol(argument, &unit, 10);
    long factor = strcasecmp(unit, "ms") == 0 ? 1 : unit_seconds(unit) * 1000;

    if (!apr_isdigit(*argument) || factor == 0 || count > day / factor || count * factor < least) {
        return secsession_argument_wrong(
            cmd, argument,
            apr_psprintf(cmd->pool,
                         "a duration such as 500ms, 1s or 5m (a plain number means seconds), "
                         "from %dms to a day",
                         least));
    }
    *milliseconds = (int)(count * factor);
    return NULL;
}

int secsession_argument_is_number(const char *argument, int least, int most, int *number)
{
    char *end;
    long value = strtol(argument, &end, 10);

    if (!apr_isdigit(*argument) || *end != '\0' || value < least || value > most) {
        return 0;
    }
    *number = (int)value;
    return 1;
}

const char *secsession_argument_number(cmd_parms *cmd, const char *argument, int most, int *number)
{
    return secsession_argument_is_number(argument, 1, most, number)
               ? NULL
               : secsession_argument_wrong(cmd, argument,
                                           apr_psprintf(cmd->pool, "a number from 1 to %d", most));
}

const char *secsession_argument_connection(cmd_parms *cmd, const char *argument)
{
    return secsession_store_is_connection(argument)
               ? NULL
               : apr_psprintf(
                   cmd->pool,
                   "libpq does not understand the value of '%s' (not shown here, since it may "
                   "contain a password); it must be a connection string such as "
                   "host=/var/run/postgresql dbname=sessions user=www-data",
                   cmd->cmd->name);
}

const char *secsession_argument_path(cmd_parms *cmd, const char *argument)
{
    if (!secsession_target_is_local(argument) || strchr(argument, '#')) {
        return secsession_argument_wrong(cmd, argument, "a path on this host, such as /login");
    }
    return NULL;
}

const char *secsession_argument_realm(cmd_parms *cmd, const char *argument)
{
    apr_size_t length = strlen(argument);
    int is_right = length >= 1 && length <= 255;

    for (apr_size_t i = 0; i < length; i++) {
        is_right &= argument[i] > ' ' && argument[i] < 127 && !strchr("\"\\", argument[i]);
    }
    return is_right ? NULL
                    : secsession_argument_wrong(cmd, argument,
                                                "1 to 255 printable ASCII characters without "
                                                "spaces, quotes and backslashes");
}

/* The attributes that SecSessionCookie has given so far. */
typedef struct {
    const char *same_site;
    const char *path;
    const char *domain;
    int is_insecure;
} attributes_t;

static int is_token(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("!#$%&'*+-.^_`|~", *c)) {
            return 0;
        }
    }
    return *text != '\0';
}

static int is_attribute_value(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c >= 127 || strchr(";,\"\\", *c)) {
            return 0;
        }
    }
    return *text != '\0';
}

static const char *read_same_site(const char *value)
{
    static const char *const allowed[] = { "Strict", "Lax", "None" };

    for (apr_size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcasecmp(value, allowed[i]) == 0) {
            return allowed[i];
        }
    }
    return NULL;
}

static const char *read_attribute(cmd_parms *cmd, const char *argument, attributes_t *attributes)
{
    const char *value = strchr(argument, '=');
    const char **slot = NULL;

    if (strcasecmp(argument, "Insecure") == 0 && !attributes->is_insecure) {
        attributes->is_insecure = 1;
        return NULL;
    }
    if (strncasecmp(argument, "SameSite=", 9) == 0) {
        slot = &attributes->same_site;
        value = read_same_site(value + 1);
    } else if (strncasecmp(argument, "Path=/", 6) == 0) {
        slot = &attributes->path;
        value++;
    } else if (strncasecmp(argument, "Domain=", 7) == 0) {
        slot = &attributes->domain;
        value++;
    }
    if (slot == NULL || *slot || value == NULL || !is_attribute_value(value)) {
        return secsession_argument_wrong(
            cmd, argument,
            "a name, followed by any of SameSite=Strict|Lax|None, Path=/path, Domain=host and "
            "Insecure, each at most once");
    }
    *slot = value;
    return NULL;
}

/* Browsers refuse a cookie whose attributes do not fulfil what the prefix of its name promises. */
static const char *check_prefix(cmd_parms *cmd, const char *name, const attributes_t *attributes)
{
    if (attributes->is_insecure && strncmp(name, "__", 2) == 0) {
        return secsession_argument_wrong(cmd, name,
                                         "a name that does not begin with __ if Insecure is given");
    }
    if (attributes->is_insecure && attributes->same_site
        && strcmp(attributes->same_site, "None") == 0) {
        return secsession_argument_wrong(
            cmd, name, "without Insecure if SameSite=None is given: browsers refuse such a cookie");
    }
    if (strncasecmp(name, "__Host-", 7) == 0
        && (attributes->domain || (attributes->path && strcmp(attributes->path, "/") != 0))) {
        return secsession_argument_wrong(
            cmd, name, "a name without __Host- if Domain= or a Path other than / is given");
    }
    return NULL;
}

const char *secsession_argument_cookie(cmd_parms *cmd, int argc, char *const argv[],
                                       secsession_cookie_t *cookie)
{
    attributes_t attributes = { NULL, NULL, NULL, 0 };
    const char *error = NULL;

    if (argc == 0 || !is_token(argv[0])) {
        return secsession_argument_wrong(cmd, argc ? argv[0] : "",
                                         "a cookie name (letters, digits and !#$%&'*+-.^_`|~), "
                                         "followed by attributes");
    }
    for (int i = 1; i < argc && error == NULL; i++) {
        error = read_attribute(cmd, argv[i], &attributes);
    }
    if (error == NULL) {
        error = check_prefix(cmd, argv[0], &attributes);
    }
    cookie->name = argv[0];
    cookie->same_site = attributes.same_site;
    cookie->scope = apr_pstrcat(cmd->pool, "; Path=", attributes.path ? attributes.path : "/",
                                attributes.domain ? "; Domain=" : "",
                                attributes.domain ? attributes.domain : "", NULL);
    cookie->flags = attributes.is_insecure ? "; HttpOnly" : "; Secure; HttpOnly";
    return error;
}

const char *secsession_argument_clear_site_data(cmd_parms *cmd, int argc, char *const argv[],
                                                const char **value)
{
    static const char *const types[] = { "cache", "cookies", "storage", "executionContexts" };
    const char *header = "", *bad = argc ? argv[0] : "";

    if (argc == 1 && strcasecmp(argv[0], "none") == 0) {
        *value = header;
        return NULL;
    }
    for (int i = 0; i < argc; i++) {
        apr_size_t n = 0, count = sizeof(types) / sizeof(types[0]);

        while (n < count && strcasecmp(argv[i], types[n]) != 0) {
            n++;
        }
        if (n == count) {
            header = "";
            bad = argv[i];
            break;
        }
        header = apr_pstrcat(cmd->pool, header, *header ? ", \"" : "\"", types[n], "\"", NULL);
    }
    *value = header;
    return *header ? NULL
                   : secsession_argument_wrong(cmd, bad,
                                               "none alone, or any of cache, cookies, "
                                               "storage, executionContexts");
}
