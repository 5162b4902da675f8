/* The session of a request at its location: it is looked up once, and judged by what the location
 * requires. */
#ifndef SECSESSION_CURRENT_H
#define SECSESSION_CURRENT_H

#include "http/request/context.h"

/* header_parser: looks up the session if SecSession is On. Always DECLINED. */
int secsession_current_look_up(request_rec *r);

/* The session of this request, as it is at this location. SECSESSION_LIVE and SECSESSION_ANONYMOUS
 * set *session, the latter to a session without a user; with any other outcome *session is NULL.
 * SECSESSION_UNKNOWN: there is no session, or SecSession is Off. Looks up the session if that has
 * not been done yet, since a subrequest can come before the header_parser hook of its main request.
 * The session lives as long as the request from the client. */
secsession_outcome_t secsession_current_session(const secsession_here_t *here,
                                                const secsession_session_t **session);

/* Looks up the session that is found by its client (session/credential.h), whose credentials have
 * been checked in this request. SECSESSION_LIVE: the request has it from now on. */
secsession_outcome_t secsession_current_find(const secsession_here_t *here,
                                             const secsession_hash_t *client);

/* The session is in use from now until the request ends, if that counts as use at this location. A
 * WebSocket does not: see http/application/tunnel.c. */
void secsession_current_use(const secsession_here_t *here);

/* The same session, or NULL if there is none that is good at this location. */
const secsession_session_t *secsession_current(const secsession_here_t *here);

/* The idle timeout of this session at this location, in seconds. */
int secsession_current_idle_timeout(const secsession_here_t *here,
                                    const secsession_session_t *session);

#endif
