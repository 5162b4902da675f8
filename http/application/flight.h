/* Responses and uploads that are longer than their session: they are cut. */
#ifndef SECSESSION_FLIGHT_H
#define SECSESSION_FLIGHT_H

#include "http/request/context.h"

/* Registers the filters; to be called once, in register_hooks(). */
void secsession_flight_register(void);

/* insert_filter: watches the body of a request, if there is one. */
void secsession_flight_insert(request_rec *r);

/* To be called before the first byte of a response is sent: whether it may be. SECSESSION_LIVE;
 * from then on the response is cut when the session ends. Else it is to be replaced, and why. A
 * response of our own pages may always be sent. */
secsession_outcome_t secsession_flight_begin(const secsession_here_t *here,
                                             const apr_bucket_brigade *brigade);

#endif
