/* One keep-alive connection to an httpd, on which a page is requested with the cookie of one
 * session after the other, without blocking; for t/stress/readers.c and bench/revocation.c. The
 * page says in X-User and X-Session for whom it was made. Times are in seconds of
 * CLOCK_MONOTONIC. */
#ifndef SECSESSION_ASKER_H
#define SECSESSION_ASKER_H

#include <stddef.h>

#define TOKEN_LENGTH 43

typedef struct {
    int port;
    int fd;         /* -1: not connected */
    double started; /* just before the current request was sent; 0: there is none */
    size_t length;
    char received[8192];
} asker_t;

typedef struct {
    int status;
    char user[128];
    char session[40];
} answer_t;

typedef enum {
    ANSWER_PENDING,
    ANSWER_COMPLETE,
    ANSWER_BROKEN /* the server has closed the connection or sent no HTTP; it is closed */
} progress_t;

double now(void);

/* Connects if there is no connection. Returns 0 if nobody listens. */
int asker_connect(asker_t *asker);

void asker_close(asker_t *asker);

/* Sends a request for `path` with this token. Returns 0 if the connection is broken; it has been
 * closed then. */
int asker_ask(asker_t *asker, const char *path, const char *token);

/* Reads what has arrived. After ANSWER_COMPLETE the next request may be sent; if the server does
 * not keep the connection, it has been closed. */
progress_t asker_take(asker_t *asker, answer_t *answer);

#endif
