/* Reads a session_answer, and columns of other answers. The form of a row: an int32 with the number
 * of fields; for each its type's oid, an int32 with its length (-1: null), and its bytes; numbers
 * in network byte order (PostgreSQL's record_send). */
#include "store/answer.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <apr_uuid.h>
#include <string.h>

#include "session/claim.h"

/* The fields of secsession.session_answer. */
enum {
    FIELD_STATE,
    FIELD_END_REASON,
    FIELD_SESSION_ID,
    FIELD_USER,
    FIELD_METHOD,
    FIELD_CREATED_AT,
    FIELD_AUTHENTICATED_AT,
    FIELD_EXPIRES_AT,
    FIELD_LAST_SEEN_AT,
    FIELD_ASKED_AT,
    FIELD_IDLE_TIMEOUT,
    FIELD_ABSOLUTE_TIMEOUT,
    FIELD_CACHEABLE,
    FIELD_VAULT_VERSION,
    FIELD_PERSISTENT,
    FIELD_ROTATED_AT,
    FIELD_BOUND_ADDR,
    FIELD_IS_STAMPED,
    FIELD_STAMP,
    FIELD_MAC,
    FIELDS
};

typedef struct {
    const char *bytes; /* NULL: SQL's null */
    int length;
} field_t;

typedef struct {
    const char *at;
    int left;
} reader_t;

static const char *take(reader_t *reader, int length)
{
    const char *taken = reader->at;

    if (length < 0 || length > reader->left) {
        return NULL;
    }
    reader->at += length;
    reader->left -= length;
    return taken;
}

static int take_int(reader_t *reader, int *ok)
{
    const char *bytes = take(reader, 4);

    *ok &= bytes != NULL;
    return bytes ? (int)secsession_answer_number(bytes, 4, ok) : -1;
}

apr_int64_t secsession_answer_number(const char *bytes, int length, int *ok)
{
    apr_uint64_t value = 0;

    if (bytes == NULL || (length != 4 && length != 8)) {
        *ok = 0;
        return 0;
    }
    for (int i = 0; i < length; i++) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return length == 4 ? (apr_int32_t)value : (apr_int64_t)value;
}

static int split(const char *bytes, int length, field_t fields[FIELDS])
{
    reader_t reader = { bytes, length };
    int ok = 1;

    ok &= take_int(&reader, &ok) == FIELDS;
    for (int i = 0; ok && i < FIELDS; i++) {
        ok &= take(&reader, 4) != NULL; /* the type, which the version of the schema fixes */
        fields[i].length = take_int(&reader, &ok);
        fields[i].bytes = fields[i].length == -1 ? NULL : take(&reader, fields[i].length);
        ok &= fields[i].length == -1 || fields[i].bytes != NULL;
    }
    return ok && reader.left == 0;
}

static int is(const field_t *field, const char *text)
{
    return field->bytes && (apr_size_t)field->length == strlen(text)
           && memcmp(field->bytes, text, strlen(text)) == 0;
}

static const char *text(apr_pool_t *pool, const field_t *field, int *ok)
{
    *ok &= field->bytes != NULL && field->length > 0;
    return apr_pstrmemdup(pool, field->bytes ? field->bytes : "",
                          field->bytes ? (apr_size_t)field->length : 0);
}

static const char *uuid(apr_pool_t *pool, const field_t *field, int *ok)
{
    char *formatted = apr_pcalloc(pool, APR_UUID_FORMATTED_LENGTH + 1);
    apr_uuid_t binary;

    if (field->bytes == NULL || field->length != sizeof(binary.data)) {
        *ok = 0;
        return formatted;
    }
    memcpy(binary.data, field->bytes, sizeof(binary.data));
    apr_uuid_format(formatted, &binary);
    return formatted;
}

static apr_int64_t number(const field_t *field, int *ok)
{
    return secsession_answer_number(field->bytes, field->length, ok);
}

static int truth(const field_t *field, int *ok)
{
    *ok &= field->bytes != NULL && field->length == 1;
    return *ok && *field->bytes != 0;
}

/* PostgreSQL's inet_send: family, bits, whether it is a network, length, bytes. */
static secsession_address_t address(const field_t *field, int *ok)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    secsession_address_t result = { { 0 } };

    if (field->bytes == NULL) {
        return result;
    }
    if (field->length == 4 + 4) {
        memcpy(result.bytes, mapped, sizeof(mapped));
        memcpy(result.bytes + sizeof(mapped), field->bytes + 4, 4);
    } else if (field->length == 4 + SECSESSION_ADDRESS_BYTES) {
        memcpy(result.bytes, field->bytes + 4, SECSESSION_ADDRESS_BYTES);
    } else {
        *ok = 0;
    }
    return result;
}

static const secsession_stamp_t *stamp(apr_pool_t *pool, const field_t *field, int *ok)
{
    if (field->bytes == NULL) {
        return NULL;
    }
    *ok &= field->length == SECSESSION_STAMP_BYTES;
    return *ok ? apr_pmemdup(pool, field->bytes, SECSESSION_STAMP_BYTES) : NULL;
}

/* A MAC of another length was not made by a web server, and is as good as none. */
static const unsigned char *mac(apr_pool_t *pool, const field_t *field)
{
    return field->bytes && field->length == SECSESSION_CLAIM_BYTES
               ? apr_pmemdup(pool, field->bytes, SECSESSION_CLAIM_BYTES)
               : NULL;
}

/* PostgreSQL counts microseconds since 2000. */
static apr_time_t since_1970(apr_int64_t moment)
{
    return moment + apr_time_from_sec(946684800);
}

static apr_int64_t seconds_since_1970(apr_int64_t moment)
{
    const apr_time_t at = since_1970(moment);

    return apr_time_sec(at) - (at % APR_USEC_PER_SEC < 0);
}

/* Never negative, even if the clock was set back in between. */
static apr_int64_t ms_between(apr_int64_t earlier, apr_int64_t later)
{
    return later > earlier ? (later - earlier) / 1000 : 0;
}

static secsession_outcome_t decode_session(apr_pool_t *pool, const field_t fields[FIELDS],
                                           secsession_outcome_t outcome,
                                           const secsession_session_t **result)
{
    secsession_session_t *session = apr_palloc(pool, sizeof(*session));
    int ok = 1;
    apr_int64_t authenticated_at = number(&fields[FIELD_AUTHENTICATED_AT], &ok);
    apr_int64_t expires_at = number(&fields[FIELD_EXPIRES_AT], &ok);
    apr_int64_t last_seen_at = number(&fields[FIELD_LAST_SEEN_AT], &ok);
    apr_int64_t asked_at = number(&fields[FIELD_ASKED_AT], &ok);

    session->id = uuid(pool, &fields[FIELD_SESSION_ID], &ok);
    session->user = outcome == SECSESSION_LIVE ? text(pool, &fields[FIELD_USER], &ok) : NULL;
    session->method = text(pool, &fields[FIELD_METHOD], &ok);
    session->created_at = seconds_since_1970(number(&fields[FIELD_CREATED_AT], &ok));
    session->authenticated_at = since_1970(authenticated_at);
    session->expires_at = seconds_since_1970(expires_at);
    session->idle_ms = ms_between(last_seen_at, asked_at);
    session->age_ms = ms_between(authenticated_at, asked_at);
    session->left_ms = ms_between(asked_at, expires_at);
    session->limits.idle = (int)number(&fields[FIELD_IDLE_TIMEOUT], &ok);
    session->limits.absolute = (int)number(&fields[FIELD_ABSOLUTE_TIMEOUT], &ok);
    session->cacheable = truth(&fields[FIELD_CACHEABLE], &ok);
    session->vault_version = (apr_uint32_t)number(&fields[FIELD_VAULT_VERSION], &ok);
    session->persistent = truth(&fields[FIELD_PERSISTENT], &ok);
    session->rotated_ms = ms_between(number(&fields[FIELD_ROTATED_AT], &ok), asked_at);
    session->bound = address(&fields[FIELD_BOUND_ADDR], &ok);
    session->is_stamped = truth(&fields[FIELD_IS_STAMPED], &ok);
    session->stamp = stamp(pool, &fields[FIELD_STAMP], &ok);
    session->mac = mac(pool, &fields[FIELD_MAC]);
    if (!ok) {
        return SECSESSION_UNAVAILABLE;
    }
    *result = session;
    return outcome;
}

static secsession_outcome_t decode_end(const field_t *reason)
{
    static const struct {
        const char *reason;
        secsession_outcome_t outcome;
    } ends[] = {
        { "idle", SECSESSION_IDLE },         { "absolute", SECSESSION_ABSOLUTE },
        { "revoked", SECSESSION_REVOKED },   { "reuse", SECSESSION_REUSE },
        { "logout", SECSESSION_LOGGED_OUT }, { "evicted", SECSESSION_EVICTED },
    };

    for (apr_size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (is(reason, ends[i].reason)) {
            return ends[i].outcome;
        }
    }
    return SECSESSION_UNAVAILABLE;
}

secsession_outcome_t secsession_answer_decode(apr_pool_t *pool, const PGresult *result, int row,
                                              int column, const secsession_session_t **session)
{
    field_t fields[FIELDS];

    if (row >= PQntuples(result) || column >= PQnfields(result)) {
        return SECSESSION_UNAVAILABLE;
    }
    if (PQgetisnull(result, row, column)) {
        return SECSESSION_UNKNOWN;
    }
    if (!split(PQgetvalue(result, row, column), PQgetlength(result, row, column), fields)) {
        return SECSESSION_UNAVAILABLE;
    }
    if (is(&fields[FIELD_STATE], "live")) {
        return decode_session(pool, fields, SECSESSION_LIVE, session);
    }
    if (is(&fields[FIELD_STATE], "anonymous")) {
        return decode_session(pool, fields, SECSESSION_ANONYMOUS, session);
    }
    if (is(&fields[FIELD_STATE], "retired")) {
        return SECSESSION_RETIRED;
    }
    if (is(&fields[FIELD_STATE], "full")) {
        return SECSESSION_FULL;
    }
    return is(&fields[FIELD_STATE], "ended") ? decode_end(&fields[FIELD_END_REASON])
                                             : SECSESSION_UNAVAILABLE;
}

const char *secsession_column_text(apr_pool_t *pool, const PGresult *result, int row, int column)
{
    return apr_pstrmemdup(pool, PQgetvalue(result, row, column),
                          (apr_size_t)PQgetlength(result, row, column));
}

apr_int64_t secsession_column_number(const PGresult *result, int row, int column, int *ok)
{
    if (row >= PQntuples(result) || column >= PQnfields(result)) {
        *ok = 0;
        return 0;
    }
    return secsession_answer_number(PQgetvalue(result, row, column),
                                    PQgetlength(result, row, column), ok);
}
