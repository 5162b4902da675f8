/* Sends requests on one keep-alive connection and reads the answers, without blocking. */
#include "t/stress/asker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int asker_connect(asker_t *asker)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int on = 1;

    if (asker->fd >= 0) {
        return 1;
    }
    address.sin_port = htons((in_port_t)asker->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    asker->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (asker->fd >= 0
        && connect(asker->fd, (const struct sockaddr *)&address, sizeof(address)) == 0
        && fcntl(asker->fd, F_SETFL, O_NONBLOCK) == 0) {
        setsockopt(asker->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return 1;
    }
    asker_close(asker);
    return 0;
}

void asker_close(asker_t *asker)
{
    if (asker->fd >= 0) {
        close(asker->fd);
    }
    asker->fd = -1;
    asker->started = 0;
}

int asker_ask(asker_t *asker, const char *path, const char *token)
{
    char request[512];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: localhost:%d\r\n"
                          "Cookie: __Host-secsession=%s\r\n\r\n",
                          path, asker->port, token);

    asker->length = 0;
    asker->started = now();
    if (send(asker->fd, request, (size_t)length, MSG_NOSIGNAL) == length) {
        return 1;
    }
    asker_close(asker);
    return 0;
}

/* The value of a header field, or "". */
static void copy_field(char *value, size_t size, const char *head, const char *name)
{
    const char *field = strcasestr(head, name);
    size_t length = 0;

    if (field != NULL) {
        field += strlen(name);
        length = strcspn(field, "\r\n");
    }
    snprintf(value, size, "%.*s", (int)length, field ? field : "");
}

/* Where a complete answer ends, or NULL. The answers of httpd to these requests always have a
 * Content-Length. */
static const char *end_of_answer(const asker_t *asker)
{
    const char *body = strstr(asker->received, "\r\n\r\n");
    const char *end;
    char length[16];

    if (body == NULL) {
        return NULL;
    }
    copy_field(length, sizeof(length), asker->received, "\r\nContent-Length: ");
    end = body + 4 + atol(length);
    return asker->received + asker->length >= end ? end : NULL;
}

static void read_head(asker_t *asker, answer_t *answer)
{
    char connection[16];

    *strstr(asker->received, "\r\n\r\n") = '\0';
    answer->status = atoi(asker->received + strlen("HTTP/1.1 "));
    copy_field(answer->user, sizeof(answer->user), asker->received, "\r\nX-User: ");
    copy_field(answer->session, sizeof(answer->session), asker->received, "\r\nX-Session: ");
    copy_field(connection, sizeof(connection), asker->received, "\r\nConnection: ");
    if (strcasecmp(connection, "close") == 0) {
        asker_close(asker);
    }
}

progress_t asker_take(asker_t *asker, answer_t *answer)
{
    ssize_t n = recv(asker->fd, asker->received + asker->length,
                     sizeof(asker->received) - 1 - asker->length, 0);

    if (n < 0 && errno == EAGAIN) {
        return ANSWER_PENDING;
    }
    if (n > 0) {
        asker->length += (size_t)n;
        asker->received[asker->length] = '\0';
        if (end_of_answer(asker) == NULL) {
            return ANSWER_PENDING;
        }
        if (strncmp(asker->received, "HTTP/1.1 ", 9) == 0) {
            read_head(asker, answer);
            return ANSWER_COMPLETE;
        }
    }
    asker_close(asker);
    return ANSWER_BROKEN;
}
