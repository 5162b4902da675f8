/* Clients that send their credentials with each request: AuthType Basic and Digest, and client
 * certificates. With SecSessionKeys their session is found by who they are, so that one that keeps
 * no cookie has one session, and not one for each request.
 */
#ifndef SECSESSION_SENDER_H
#define SECSESSION_SENDER_H

#include "http/request/context.h"
#include "session/credential.h"

/* The AuthType by which credentials were checked in this request. NULL if none were, which means
 * that mod_ssl has taken the user from the client certificate of the connection. */
const char *secsession_sender_type(request_rec *r);

/* The same as the method of a session. */
const char *secsession_sender_method(request_rec *r);

/* Whether the client sends the credentials of this AuthType in the Authorization header field. */
int secsession_sender_is_by_header(const char *type);

/* Whether the sessions of users of this AuthType (NULL: of a client certificate) are found by who
 * the client is. */
int secsession_sender_is_known(const secsession_here_t *here, const char *type);

/* Looks up the session of the client that has just authenticated as r->user. SECSESSION_LIVE: the
 * request has it. Else the outcome of the look-up. */
secsession_outcome_t secsession_sender_find(const secsession_here_t *here);

/* The same while another request of the client is about to begin the session: waits for that, for
 * up to three seconds, longer than a statement may take. SECSESSION_UNAVAILABLE: there is none
 * yet. */
secsession_outcome_t secsession_sender_await(const secsession_here_t *here);

/* What the session of this client is to begin with, in the pool of the request. NULL: the record of
 * the user cannot be read, or libcrypto fails; logged. */
const secsession_credential_t *secsession_sender_credential(const secsession_here_t *here);

#endif
