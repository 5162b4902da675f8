/* Compares the address of the client with the one that a session is bound to, and does what
 * SecSessionBind says if it has changed. */
#include "http/request/address.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(secsession);

#define IPV4_AT 12 /* where the IPv4 address begins in an IPv4-mapped IPv6 address */

static const unsigned char MAPPED[IPV4_AT] = { [10] = 0xff, [11] = 0xff };

const char *secsession_address_of(request_rec *r)
{
    const char *zone = strchr(r->useragent_ip, '%');

    return zone ? apr_pstrmemdup(r->pool, r->useragent_ip, (apr_size_t)(zone - r->useragent_ip))
                : r->useragent_ip;
}

secsession_client_t secsession_address_client(request_rec *r)
{
    return (secsession_client_t){ secsession_address_of(r),
                                  apr_table_get(r->headers_in, "User-Agent") };
}

static secsession_address_t bytes_of(const request_rec *r)
{
    const apr_sockaddr_t *client = r->useragent_addr;
    secsession_address_t address = { { 0 } };

    if (client->ipaddr_len == 4) {
        memcpy(address.bytes, MAPPED, IPV4_AT);
        memcpy(address.bytes + IPV4_AT, client->ipaddr_ptr, 4);
    } else if (client->ipaddr_len == SECSESSION_ADDRESS_BYTES) {
        memcpy(address.bytes, client->ipaddr_ptr, SECSESSION_ADDRESS_BYTES);
    }
    return address;
}

/* The number of leading bytes that must stay the same. A subnet is a /24 of IPv4 or a /64 of IPv6,
 * the smallest network that a provider assigns to a customer (RFC 6177). */
static apr_size_t significant(const secsession_address_t *address, int bind)
{
    if (bind == SECSESSION_BIND_ADDRESS) {
        return SECSESSION_ADDRESS_BYTES;
    }
    return memcmp(address->bytes, MAPPED, IPV4_AT) == 0 ? IPV4_AT + 3 : 8;
}

secsession_address_t secsession_address_network(const request_rec *r)
{
    secsession_address_t address = bytes_of(r);
    apr_size_t kept = significant(&address, SECSESSION_BIND_SUBNET);

    memset(address.bytes + kept, 0, sizeof(address.bytes) - kept);
    return address;
}

/* An IPv4-mapped IPv6 address is the same as the IPv4 address in it, as it is to PostgreSQL. */
static int is_same(const secsession_address_t *one, const secsession_address_t *other, int bind)
{
    return memcmp(one->bytes, other->bytes, significant(one, bind)) == 0;
}

/* Logs that the client has moved and writes the event to the audit trail, but only once for each
 * request. Returns whether the database has the event. */
static int tell(const secsession_here_t *here, const secsession_session_t *session,
                const char *action)
{
    request_rec *r = here->r;
    secsession_context_t *context = here->context;

    if (context->is_move_told) {
        return context->is_move_written;
    }
    context->is_move_told = 1;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "SS226: session %s of user %s is used from another address than the one it is "
                  "bound to; SecSessionBind says: %s",
                  session->id, session->user, action);
    context->is_move_written = secsession_store_moved(here->server->store, r->pool, session,
                                                      secsession_address_of(r), action)
                               == SECSESSION_DONE;
    return context->is_move_written;
}

secsession_outcome_t secsession_address_check(const secsession_here_t *here,
                                              const secsession_session_t *session)
{
    request_rec *r = here->r;
    const secsession_location_config_t *location = here->location;
    secsession_address_t client;
    int is_written;

    if (location->bind <= SECSESSION_BIND_NONE || session->user == NULL) {
        return SECSESSION_LIVE;
    }
    client = bytes_of(r);
    if (is_same(&client, &session->bound, location->bind)) {
        return SECSESSION_LIVE;
    }
    is_written = tell(here, session, location->if_moved);
    if (strcmp(location->if_moved, "log") == 0) {
        return SECSESSION_LIVE;
    }
    if (strcmp(location->if_moved, "end") != 0) {
        return SECSESSION_MOVED;
    }
    here->context->forget |= is_written;
    return is_written ? SECSESSION_MOVED : SECSESSION_UNAVAILABLE;
}
