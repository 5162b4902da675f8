/* One keep-alive connection to an httpd that asks one page with one session's cookie after the
 * other, without ever blocking: for t/stress/readers.c and bench/revocation.c. The page's answer
 * says in X-User and X-Session for whom it was made. Times are seconds of CLOCK_MONOTONIC. */
#ifndef SECSESSION_ASKER_H
#define SECSESSION_ASKER_H

#include <stddef.h>

#define TOKEN_LENGTH 43

typedef struct {
    int port;
    int fd;         /* -1: not connected */
    double started; /* when the request under way was about to be sent; 0: none is */
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
    ANSWER_BROKEN /* the server hung up, or said what is no answer; the asker is closed */
} progress_t;

double now(void);

/* Connects, if it is not connected. False if nobody listens. */
int asker_connect(asker_t *asker);

void asker_close(asker_t *asker);

/* Sends a request of `path` with this token. False: broken, and closed. */
int asker_ask(asker_t *asker, const char *path, const char *token);

/* Reads what there is. After ANSWER_COMPLETE the next request may be sent, or the asker has been
 * closed because the server wants it so. */
progress_t asker_take(asker_t *asker, answer_t *answer);

#endif
