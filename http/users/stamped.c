/* Stamps the record of a user at the login, and compares it later. */
#include "http/users/stamped.h"

#include <apr_strings.h>
#include <http_log.h>

#include "http/users/record.h"

APLOG_USE_MODULE(secsession);

/* The name of a source, which is a part of its stamps. */
static const char *name_of(apr_pool_t *pool, const secsession_source_t *source)
{
    return apr_pstrcat(pool, source->provider, ":", source->where, NULL);
}

static void log_unreadable(request_rec *r, apr_status_t status, const secsession_source_t *source,
                           const char *user)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, status, r,
                  "SS229: SecSessionCredentialStamp cannot read the record of user %s (%s %s)%s: "
                  "until this is otherwise, sessions of this user do not end when the record "
                  "changes",
                  user,
                  strcmp(source->provider, "file") == 0 ? "AuthUserFile" : "AuthDBDUserPWQuery",
                  source->where,
                  status == APR_SUCCESS ? " with certainty, since the file is empty or has been "
                                          "written in the last seconds"
                                        : "");
}

/* Where a provider keeps its records at this location, or NULL. */
static const char *place_of(const secsession_location_config_t *location, const char *provider)
{
    if (strcmp(provider, "file") == 0) {
        return location->user_file;
    }
    return strcmp(provider, "dbd") == 0 ? location->user_query : NULL;
}

const secsession_stamp_t *secsession_stamped_record(request_rec *r, const char *provider,
                                                    const char *user)
{
    const secsession_location_config_t *location = secsession_config_location(r);
    secsession_source_t source = { provider, place_of(location, provider) };
    secsession_stamp_t *stamp;
    const char *record;
    apr_status_t status;
    int is_certain;

    if (location->stamp != 1 || source.where == NULL) {
        return NULL;
    }
    status = secsession_record_read(r, &source, user, &record, &is_certain);
    if (status != APR_SUCCESS) {
        log_unreadable(r, status, &source, user);
    }
    stamp = apr_palloc(r->pool, sizeof(*stamp));
    return record && secsession_stamp_make(name_of(r->pool, &source), record, stamp) == APR_SUCCESS
               ? stamp
               : NULL;
}

static const secsession_source_t *source_of(request_rec *r, const secsession_stamp_t *stamp)
{
    const apr_array_header_t *sources = secsession_config_server(r)->sources;

    for (int i = 0; sources && i < sources->nelts; i++) {
        const secsession_source_t *source = &APR_ARRAY_IDX(sources, i, secsession_source_t);

        if (secsession_stamp_is_from(stamp, name_of(r->pool, source))) {
            return source;
        }
    }
    return NULL;
}

/* If the configuration no longer names the file or the query, the record counts as gone. */
static int has_changed(request_rec *r, const secsession_session_t *session)
{
    const secsession_source_t *source = source_of(r, session->stamp);
    const char *record = NULL;
    int is_certain = 1;
    apr_status_t status = source ? secsession_record_read(r, source, session->user, &record,
                                                          &is_certain)
                                 : APR_SUCCESS;

    if (status == APR_SUCCESS && secsession_stamp_fits(session->stamp, record)) {
        return 0;
    }
    if (status != APR_SUCCESS || !is_certain) {
        log_unreadable(r, status, source, session->user);
        return 0;
    }
    return 1;
}

secsession_outcome_t secsession_stamped_check(request_rec *r, const secsession_session_t *session)
{
    if (session->stamp == NULL || !has_changed(r, session)) {
        return SECSESSION_LIVE;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS240: session %s of user %s ends: the record by which the user logged in has "
                  "changed or is gone",
                  session->id, session->user);
    return secsession_store_end_changed(secsession_config_server(r)->store, r->pool, session)
                   == SECSESSION_DONE
               ? SECSESSION_REVOKED
               : SECSESSION_UNAVAILABLE;
}
