/* Parses the arguments of the directives about applications. */
#include <apr_file_info.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <unistd.h>

#include "http/parse/text.h"
#include "http/setup/arguments.h"

APLOG_USE_MODULE(secsession);

/* Reads where the user name is found; returns 0 if `from` is wrong. */
static int parse_from(apr_pool_t *scratch, const char *from, secsession_when_t *when)
{
    if (from == NULL || strncasecmp(from, "field=", 6) == 0) {
        when->field = from ? from + 6 : "username";
        return *when->field != '\0';
    }
    if (strncasecmp(from, "user=", 5) != 0) {
        return 0;
    }
    if (from[5] == '$') {
        when->group = from[6] >= '1' && from[6] <= '9' ? from[6] - '0' : 0;
        return when->group > 0 && from[7] == '\0';
    }
    if (strcasecmp(from + 5, "try") == 0) {
        when->is_tried = 1;
        return 1;
    }
    when->user = from + 5;
    return secsession_text_user(scratch, when->user, 0) != NULL;
}

const char *secsession_argument_when(cmd_parms *cmd, const char *expression, const char *from,
                                     const secsession_when_t **result)
{
    secsession_when_t *when = apr_pcalloc(cmd->pool, sizeof(*when));
    const char *error = NULL;

    *result = when;
    if (from && strcasecmp(expression, "none") == 0) {
        return secsession_argument_wrong(cmd, from, "left out after none");
    }
    if (!parse_from(cmd->temp_pool, from, when)) {
        return secsession_argument_wrong(
            cmd, from,
            "an expression, followed by field= and the name of a form field, by user=$1 to "
            "user=$9, by user=try, or by user= and the name of a user");
    }
    if (strcasecmp(expression, "none") == 0) {
        return NULL;
    }
    /* Without =~ or !~ there is no regular expression, and nobody would ever be logged in. */
    if (when->group > 0 && !strstr(expression, "=~") && !strstr(expression, "!~")) {
        return secsession_argument_wrong(
            cmd, expression,
            apr_psprintf(cmd->pool, "an expression with a regular expression (=~) if %s follows",
                         from));
    }
    when->expression = ap_expr_parse_cmd(cmd, expression, 0, &error, NULL);
    return error ? secsession_argument_wrong(cmd, expression,
                                             apr_pstrcat(cmd->pool,
                                                         "none, or an expression of httpd: ", error,
                                                         NULL))
                 : NULL;
}

const char *secsession_argument_logout_when(cmd_parms *cmd, const char *expression,
                                            const char *answer, const secsession_when_t **result)
{
    secsession_when_t *when;
    const char *error = secsession_argument_when(cmd, expression, NULL, result);

    if (error || answer == NULL) {
        return error;
    }
    if (strcasecmp(answer, "home") != 0 || (*result)->expression == NULL) {
        return secsession_argument_wrong(cmd, answer, "home, which follows an expression");
    }
    when = apr_pmemdup(cmd->pool, *result, sizeof(*when));
    when->is_answered_by_us = 1;
    *result = when;
    return NULL;
}

/* PHP finds the cookie "my.id" as "my_id", and so one that is called that from the start. */
static void add_pattern(apr_pool_t *pool, apr_array_header_t *patterns, const char *pattern)
{
    APR_ARRAY_PUSH(patterns, const char *) = pattern;
    if (strchr(pattern, '.')) {
        char *in_php = apr_pstrdup(pool, pattern);

        for (char *c = in_php; *c; c++) {
            if (*c == '.') {
                *c = '_';
            }
        }
        APR_ARRAY_PUSH(patterns, const char *) = in_php;
    }
}

const char *secsession_argument_patterns(cmd_parms *cmd, int argc, char *const argv[],
                                         const apr_array_header_t **result)
{
    apr_array_header_t *patterns = apr_array_make(cmd->pool, argc, sizeof(const char *));
    const char *bad = argc ? NULL : "";

    *result = patterns;
    if (argc == 1 && strcasecmp(argv[0], "none") == 0) {
        return NULL;
    }
    for (int i = 0; i < argc && bad == NULL; i++) {
        if (*argv[i] == '\0' || strpbrk(argv[i], "=;, \t") || strcasecmp(argv[i], "none") == 0) {
            bad = argv[i];
        }
        add_pattern(cmd->pool, patterns, argv[i]);
    }
    return bad ? secsession_argument_wrong(
               cmd, bad, "none alone, or shell patterns of cookie names, such as PHPSESSID or DW*")
               : NULL;
}

const char *secsession_argument_vault(cmd_parms *cmd, int argc, char *const argv[],
                                      secsession_vault_t *vault)
{
    vault->is_by_property = argc > 0 && strcasecmp(argv[0], "httponly") == 0;
    if (!vault->is_by_property) {
        return secsession_argument_patterns(cmd, argc, argv, &vault->patterns);
    }
    if (argc == 1) {
        vault->patterns = apr_array_make(cmd->pool, 0, sizeof(const char *));
        return NULL;
    }
    return strcasecmp(argv[1], "none") == 0
               ? secsession_argument_wrong(cmd, argv[1], "left out after httponly")
               : secsession_argument_patterns(cmd, argc - 1, argv + 1, &vault->patterns);
}

/* The syntax is that of RFC 9110, 5.1 and 5.6.2. Fields that httpd needs to read the message, and
 * fields that we remove from requests, are not allowed. */
const char *secsession_argument_header(cmd_parms *cmd, const char *name)
{
    static const char *const taken[] = { "Authorization",
                                         "Connection",
                                         "Content-Length",
                                         "Content-Type",
                                         "Cookie",
                                         "Expect",
                                         "Host",
                                         "Keep-Alive",
                                         "TE",
                                         "Trailer",
                                         "Transfer-Encoding",
                                         "Upgrade",
                                         "Proxy" };
    int is_right = *name != '\0' && strncasecmp(name, "SecSession", 10) != 0;

    for (const char *c = name; *c; c++) {
        is_right &= apr_isalnum(*c) || strchr("!#$%&'*+-.^_`|~", *c) != NULL;
    }
    for (apr_size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        is_right &= strcasecmp(name, taken[i]) != 0;
    }
    return is_right ? NULL
                    : secsession_argument_wrong(
                        cmd, name,
                        "none, or the name of a request header that has no other meaning, such as "
                        "X-Remote-User");
}

/* RFC 6454, 6.1: an origin is a scheme, a host and possibly a port, and nothing after them. The
 * pages of extensions and of applications on telephones have schemes of their own (RFC 3986,
 * 3.1). */
static int is_origin(const char *text)
{
    const apr_size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789+-.");
    const char *host = text + scheme;

    return apr_isalpha(*text) && strncmp(host, "://", 3) == 0 && host[3] != '\0'
           && strpbrk(host + 3, "/?#@\\ *") == NULL;
}

const char *secsession_argument_guard(cmd_parms *cmd, int argc, char *const argv[], int *guard,
                                      const apr_array_header_t **result)
{
    apr_array_header_t *allowed = apr_array_make(cmd->pool, argc, sizeof(const char *));
    const char *bad = argc ? NULL : "";

    *result = allowed;
    if (argc > 0 && strcasecmp(argv[0], "On") != 0
        && (strcasecmp(argv[0], "Off") != 0 || argc > 1)) {
        bad = argv[0];
    }
    for (int i = 1; i < argc && bad == NULL; i++) {
        bad = is_origin(argv[i]) ? NULL : argv[i];
        APR_ARRAY_PUSH(allowed, const char *) = argv[i];
    }
    *guard = argc > 0 && strcasecmp(argv[0], "On") == 0;
    return bad ? secsession_argument_wrong(
               cmd, bad,
               "Off alone, or On, which may be followed by origins such as "
               "https://shop.example.org or https://localhost:8443")
               : NULL;
}

/* httpd opens the log only when it starts, but httpd -t should find the common mistakes. */
const char *secsession_argument_log(cmd_parms *cmd, const char *argument)
{
    const char *path = ap_server_root_relative(cmd->temp_pool, argument);
    apr_finfo_t info = { 0 };
    int is_right = path != NULL;

    if (*argument == '|') {
        return NULL;
    }
    if (is_right && apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) == APR_SUCCESS) {
        is_right = info.filetype != APR_DIR;
    } else if (is_right) {
        const char *folder = ap_make_dirstr_parent(cmd->temp_pool, path);
        apr_status_t status = apr_stat(&info, folder, APR_FINFO_TYPE, cmd->temp_pool);

        is_right = !APR_STATUS_IS_ENOENT(status) && !APR_STATUS_IS_ENOTDIR(status);
    }
    return is_right
               ? NULL
               : secsession_argument_wrong(cmd, argument,
                                           "a file in a directory that exists, or | and a program");
}

/* Whether only its owner may read a file; and only root, where root reads it: programs that httpd
 * runs run as its User. A file that is not there is found when it is read. */
static int is_private(const char *path, apr_pool_t *scratch)
{
    apr_finfo_t info;

    if (apr_stat(&info, path, APR_FINFO_PROT | APR_FINFO_OWNER, scratch) != APR_SUCCESS) {
        return 1;
    }
    return (info.protection
            & (APR_FPROT_GREAD | APR_FPROT_WREAD | APR_FPROT_GWRITE | APR_FPROT_WWRITE))
               == 0
           && (geteuid() != 0 || info.user == 0);
}

const char *secsession_argument_keys(cmd_parms *cmd, const char *argument,
                                     const secsession_keys_t **result)
{
    const char *path = ap_server_root_relative(cmd->pool, argument);
    secsession_keys_t *keys = NULL;
    const char *error;

    if (path && !is_private(path, cmd->temp_pool)) {
        return secsession_argument_wrong(
            cmd, argument,
            "a file that nobody but its owner may read or write (chmod 600), and that is root's "
            "(chown root) where root starts httpd");
    }
    error = path ? secsession_keys_read(cmd->pool, path, &keys) : "this is not a valid path";
    *result = keys;
    return error ? secsession_argument_wrong(cmd, argument,
                                             apr_pstrcat(cmd->pool, "a file with keys: ", error,
                                                         NULL))
                 : NULL;
}
