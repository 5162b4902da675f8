/* Writes events to the file or the program that SecSessionLog names. */
#include "http/setup/eventlog.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

APLOG_USE_MODULE(secsession);

#define COMPLAIN_EVERY apr_time_from_sec(60)

typedef struct {
    server_rec *server;
    const char *where;
    int descriptor;
    _Atomic apr_time_t complained;
} log_t;

static void complain(log_t *log, int error)
{
    apr_time_t before = atomic_load(&log->complained), now = apr_time_now();

    if ((now < before || now - before >= COMPLAIN_EVERY)
        && atomic_compare_exchange_strong(&log->complained, &before, now)) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, error, log->server,
            "SS306: events cannot be written to SecSessionLog %s: they are only in the audit "
            "trail of the database; check whether the disk is full or the program hangs",
            log->where);
    }
}

/* Writes the line in one call, so that the lines of several processes do not mix, and without
 * allocating memory. */
static void tell(void *data, const char *event)
{
    log_t *log = data;
    char newline[] = "\n";
    struct iovec line[] = { { .iov_base = (void *)(uintptr_t)event, .iov_len = strlen(event) },
                            { .iov_base = newline, .iov_len = 1 } };
    ssize_t written = writev(log->descriptor, line, 2);

    if (written < 0 || (apr_size_t)written != line[0].iov_len + 1) {
        complain(log, written < 0 ? errno : 0);
    }
}

/* As with CustomLog, "|$" runs the command in a shell. The pipe does not block, so that a program
 * that hangs does not hold up requests. */
static apr_status_t open_pipe(apr_pool_t *pool, const char *program, apr_file_t **file)
{
    int is_shell = *program == '$';
    piped_log *piped = ap_open_piped_log_ex(pool, program + is_shell,
                                            is_shell ? APR_SHELLCMD_ENV : APR_PROGRAM_ENV);

    if (piped == NULL) {
        return APR_EGENERAL;
    }
    *file = ap_piped_log_write_fd(piped);
    return apr_file_pipe_timeout_set(*file, 0);
}

static apr_status_t open_file(apr_pool_t *pool, const char *path, apr_file_t **file)
{
    const char *absolute = ap_server_root_relative(pool, path);

    return absolute ? apr_file_open(file, absolute, APR_WRITE | APR_APPEND | APR_CREATE,
                                    APR_UREAD | APR_UWRITE | APR_GREAD, pool)
                    : APR_EBADPATH;
}

const secsession_sink_t *secsession_eventlog_open(apr_pool_t *pool, server_rec *server,
                                                  const char *where)
{
    secsession_sink_t *sink = apr_palloc(pool, sizeof(*sink));
    log_t *log = apr_pcalloc(pool, sizeof(*log));
    apr_file_t *file = NULL;
    apr_status_t status = *where == '|' ? open_pipe(pool, where + 1, &file)
                                        : open_file(pool, where, &file);

    if (status == APR_SUCCESS) {
        status = apr_os_file_get(&log->descriptor, file);
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, status, server,
                     "SS305: SecSessionLog %s cannot be opened: check that its directory or the "
                     "program exists",
                     where);
        return NULL;
    }
    log->server = server;
    log->where = where;
    sink->tell = tell;
    sink->data = log;
    return sink;
}
