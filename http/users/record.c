/* Reads the lines of AuthUserFile and the rows of AuthDBDUserPWQuery. */
#include "http/users/record.h"

#include <apr_dbd.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <http_config.h>
#include <mod_dbd.h>

/* A line of a Digest file also has the realm, for which the password is. */
/* Neither htpasswd nor a program that exports the users replaces a file in one step: they empty it,
 * and then write it, perhaps for seconds. In seconds. */
#define QUIET 10

static int is_quiet(const apr_finfo_t *before, const apr_finfo_t *after)
{
    return before->size > 0 && before->size == after->size && before->mtime == after->mtime
           && before->inode == after->inode
           && apr_time_now() - after->mtime >= apr_time_from_sec(QUIET);
}

static apr_status_t read_lines(request_rec *r, const char *path, const char *user, int is_digest,
                               const char **record)
{
    char line[MAX_STRING_LEN];
    apr_size_t length = strlen(user);
    ap_configfile_t *file;
    apr_status_t status = ap_pcfg_openfile(&file, r->pool, path);

    if (status != APR_SUCCESS) {
        return status;
    }
    while (*record == NULL && (status = ap_cfg_getline(line, sizeof(line), file)) == APR_SUCCESS) {
        if (*line != '#' && strncmp(line, user, length) == 0 && line[length] == ':') {
            const char *rest = line + length + 1;

            *record = is_digest ? apr_pstrdup(r->pool, rest) : ap_getword(r->pool, &rest, ':');
        }
    }
    ap_cfg_closefile(file);
    return status == APR_EOF ? APR_SUCCESS : status;
}

static apr_status_t read_file(request_rec *r, const char *path, const char *user, int is_digest,
                              const char **record, int *is_certain)
{
    const apr_int32_t wanted = APR_FINFO_SIZE | APR_FINFO_MTIME | APR_FINFO_INODE;
    apr_finfo_t before, after;
    apr_status_t status = apr_stat(&before, path, wanted, r->pool);

    if (status == APR_SUCCESS) {
        status = read_lines(r, path, user, is_digest, record);
    }
    if (status == APR_SUCCESS) {
        status = apr_stat(&after, path, wanted, r->pool);
    }
    *is_certain = status == APR_SUCCESS && is_quiet(&before, &after);
    return status;
}

/* The statement is prepared without a label, which means that its text is sent each time: a
 * connection that mod_dbd has opened anew no longer knows statements that were prepared before. */
static apr_status_t select_record(const ap_dbd_t *dbd, apr_pool_t *pool, const char *query,
                                  const char *user, const char **record)
{
    apr_dbd_prepared_t *statement = NULL;
    apr_dbd_results_t *result = NULL;
    apr_dbd_row_t *row = NULL;

    if (apr_dbd_prepare(dbd->driver, pool, dbd->handle, query, NULL, &statement) != 0
        || apr_dbd_pvselect(dbd->driver, pool, dbd->handle, &result, statement, 1, user, NULL)
               != 0) {
        return APR_EGENERAL;
    }
    if (apr_dbd_get_row(dbd->driver, pool, result, &row, 1) == 0) {
        *record = apr_pstrdup(pool, apr_dbd_get_entry(dbd->driver, row, 0));
    }
    return APR_SUCCESS;
}

/* This does not use ap_dbd_acquire(), which would keep the connection until the request ends. */
static apr_status_t ask_database(request_rec *r, const char *query, const char *user,
                                 const char **record)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open_one = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *close_one = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    ap_dbd_t *dbd = open_one && close_one ? open_one(r->pool, r->server) : NULL;
    apr_status_t status;

    if (dbd == NULL) {
        return APR_EGENERAL;
    }
    status = select_record(dbd, r->pool, query, user, record);
    close_one(r->server, dbd);
    return status;
}

apr_status_t secsession_record_read(request_rec *r, const secsession_source_t *source,
                                    const char *user, const char **record, int *is_certain)
{
    int is_digest = strcmp(source->provider, SECSESSION_SOURCE_DIGEST) == 0;

    *record = NULL;
    *is_certain = 1;
    return is_digest || strcmp(source->provider, "file") == 0
               ? read_file(r, source->where, user, is_digest, record, is_certain)
               : ask_database(r, source->where, user, record);
}
