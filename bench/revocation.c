/* The measuring half of bench/revocation. It revokes sessions one after the other, in several
 * threads ("lanes"). Each lane has connections of its own to every child of every server, on which
 * it sends requests without a pause until they are refused.
 *
 *     revocation CONNINFO REALM PATH REVOCATIONS LANES EACH PORT=CHILD,CHILD… [PORT=…]
 *
 * EACH is the number of connections of a lane to each child. For each revocation a line is printed:
 * KIND LAST-ACCEPTED FIRST-REFUSED COMMIT-TOOK REQUESTS (see measure()), with times in microseconds
 * after COMMIT has returned. The last line is "interrupted" and the number of requests that were
 * answered with 503 or not at all. */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bench/child.h"
#include "t/stress/asker.h"

#define MOST_ASKERS 128
#define PATIENCE 10.0 /* seconds until a session that is still served stops the measurement */

typedef struct {
    asker_t asker;
    double last_accepted, first_refused; /* when these requests were started; 0: there is none */
} poller_t;

typedef struct {
    int number;
    PGconn *database;
    poller_t pollers[MOST_ASKERS];
    int count;
    char token[TOKEN_LENGTH + 1];
    char hash_source[65]; /* the token's 32 bytes in hexadecimal: PostgreSQL makes the hash */
    char user[32];
    char session[40];
    long requests;
} lane_t;

static const struct {
    const char *name;
    const char *sql; /* $1 the session, $2 the user */
} kinds[] = {
    { "revoke_session", "select secsession.revoke_session($1::uuid, 'bench') where $2 <> ''" },
    { "revoke_user", "select secsession.revoke_user($2::text, 'bench') where $1 <> ''" },
    { "delete", "delete from secsession.session where session_id = $1::uuid and $2 <> ''" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const char *conninfo, *realm, *path;
static int each;
static child_list_t servers[8];
static int server_count;
static long to_do;
static atomic_long interrupted; /* requests answered with 503, or by closing the connection */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "revocation: %s: %s\n", what, why);
    exit(1);
}

static void base64url(char *text, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned buffer = 0;
    int bits = 0;

    for (size_t i = 0; i < count; i++) {
        buffer = buffer << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6) {
            *text++ = digits[buffer >> (bits - 6) & 63];
        }
    }
    if (bits > 0) {
        *text++ = digits[buffer << (6 - bits) & 63];
    }
    *text = '\0';
}

/* Creates a new session for this lane, of a user of its own. */
static void log_in(lane_t *lane, long number)
{
    const char *values[4] = { lane->hash_source, realm, lane->user };
    unsigned char bytes[32];
    PGresult *result;

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        die("getrandom", "no random bytes");
    }
    base64url(lane->token, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(lane->hash_source + 2 * i, 3, "%02x", bytes[i]);
    }
    snprintf(lane->user, sizeof(lane->user), "bench%d-%ld", lane->number, number);
    result = PQexecParams(lane->database,
                          "select session_id from secsession.authenticate(row(sha256(decode($1, "
                          "'hex')), null, $2, $3, 'form', secsession.login_moment(), null, null, "
                          "1000, 10000)::secsession.login)",
                          3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQgetisnull(result, 0, 0)) {
        die("authenticate", PQerrorMessage(lane->database));
    }
    snprintf(lane->session, sizeof(lane->session), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

static void ask(lane_t *lane, poller_t *poller)
{
    if (!asker_ask(&poller->asker, path, lane->token)) {
        die("a request", "the server has closed a connection");
    }
    lane->requests++;
}

/* Whether an answer has come. */
static int take(poller_t *poller)
{
    double started = poller->asker.started;
    answer_t answer = { 0 };
    progress_t progress = asker_take(&poller->asker, &answer);
    char status[32];

    if (progress == ANSWER_PENDING) {
        return 0;
    }
    poller->asker.started = 0;
    if (progress == ANSWER_BROKEN || answer.status == 503) {
        interrupted++;
    } else if (answer.status == 200) {
        poller->last_accepted = started;
    } else if (answer.status == 401) {
        poller->first_refused = poller->first_refused ? poller->first_refused : started;
    } else {
        snprintf(status, sizeof(status), "status %d", answer.status);
        die("an answer", status);
    }
    if (!asker_connect(
            &poller->asker)) { /* if the server has closed it; perhaps to another child */
        die("connections", "refused");
    }
    return 1;
}

/* One turn: on every connection that has its answer the next request is sent, unless `is_done` says
 * that this is enough. Returns the number of connections that go on. Sets *committed as soon as the
 * database has answered. */
static int turn(lane_t *lane, double *committed, int (*is_done)(const poller_t *, double))
{
    struct pollfd fds[MOST_ASKERS + 1];
    int going_on = 0;

    for (int i = 0; i < lane->count; i++) {
        fds[i].fd = lane->pollers[i].asker.started > 0 ? lane->pollers[i].asker.fd : -1;
        fds[i].events = POLLIN;
    }
    fds[lane->count].fd = *committed == 0 ? PQsocket(lane->database) : -1;
    fds[lane->count].events = POLLIN;
    if (poll(fds, (nfds_t)lane->count + 1, (int)(PATIENCE * 1000)) == 0) {
        die("poll", "neither the servers nor the database answer");
    }
    if (fds[lane->count].revents && PQconsumeInput(lane->database) && !PQisBusy(lane->database)) {
        *committed = now();
    }
    for (int i = 0; i < lane->count; i++) {
        poller_t *poller = &lane->pollers[i];

        if (poller->asker.started > 0 && fds[i].revents && take(poller)
            && !is_done(poller, *committed)) {
            ask(lane, poller);
        }
        going_on += poller->asker.started > 0;
    }
    return going_on;
}

static int is_accepted(const poller_t *poller, double committed)
{
    return poller->last_accepted > 0;
}

/* A refusal counts even if the request was started before COMMIT returned, since the session stays
 * refused. */
static int is_refused(const poller_t *poller, double committed)
{
    return committed > 0 && poller->first_refused > 0;
}

static void ask_all(lane_t *lane)
{
    for (int i = 0; i < lane->count; i++) {
        if (lane->pollers[i].asker.started == 0) {
            ask(lane, &lane->pollers[i]);
        }
    }
}

static void finish_statement(lane_t *lane)
{
    PGresult *result;

    while ((result = PQgetResult(lane->database)) != NULL) {
        ExecStatusType status = PQresultStatus(result);

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            die("a revocation", PQerrorMessage(lane->database));
        }
        PQclear(result);
    }
}

/* LAST-ACCEPTED is the start of the last accepted request on any connection; 0 if no request that
 * was started after COMMIT had returned was accepted. FIRST-REFUSED is the time when the last of
 * the connections started a request that was refused. The moment from which the session was refused
 * everywhere lies between the two. */
static void measure(lane_t *lane, long number, size_t kind)
{
    const char *values[2] = { lane->session, lane->user };
    double never = -1, committed = 0, sent, accepted = 0, refused = 0;

    log_in(lane, number);
    lane->requests = 0;
    for (int i = 0; i < lane->count; i++) {
        lane->pollers[i].last_accepted = lane->pollers[i].first_refused = 0;
    }
    ask_all(lane);
    while (turn(lane, &never, is_accepted) > 0) {
    }
    ask_all(lane);
    sent = now();
    if (!PQsendQueryParams(lane->database, kinds[kind].sql, 2, NULL, values, NULL, NULL, 0)) {
        die("a revocation", PQerrorMessage(lane->database));
    }
    while (turn(lane, &committed, is_refused) > 0) {
        if (committed > 0 && now() > committed + PATIENCE) {
            die(kinds[kind].name, "the session is still served");
        }
    }
    finish_statement(lane);
    for (int i = 0; i < lane->count; i++) {
        const poller_t *poller = &lane->pollers[i];

        accepted = poller->last_accepted > accepted ? poller->last_accepted : accepted;
        refused = poller->first_refused > refused ? poller->first_refused : refused;
    }
    printf("%s %.0f %.0f %.0f %ld\n", kinds[kind].name,
           accepted > committed ? (accepted - committed) * 1e6 : 0.0,
           refused > committed ? (refused - committed) * 1e6 : 0.0, (committed - sent) * 1e6,
           lane->requests);
}

/* Opens connections until each child has as many as are wanted; the kernel decides which child
 * accepts a connection. */
static void connect_to(lane_t *lane, const child_list_t *server)
{
    int connected[MOST_CHILDREN] = { 0 }, missing = server->count * each;

    for (int tries = 0; missing > 0; tries++) {
        poller_t *poller = &lane->pollers[lane->count];
        double never = -1;
        int child;

        if (lane->count == MOST_ASKERS || tries == 5000) {
            die("connections", "not every child takes one");
        }
        poller->asker.fd = -1;
        poller->asker.port = server->port;
        if (!asker_connect(&poller->asker)) {
            die("connections", "refused");
        }
        lane->count++;
        ask(lane, poller);
        while (turn(lane, &never, is_accepted) > 0) {
        }
        child = child_of(server, poller->asker.fd);
        if (child >= 0 && connected[child] < each) {
            connected[child]++;
            missing--;
        } else {
            asker_close(&poller->asker);
            lane->count--;
        }
    }
}

static void *run(void *argument)
{
    lane_t *lane = argument;

    lane->database = PQconnectdb(conninfo);
    if (PQstatus(lane->database) != CONNECTION_OK) {
        die("the database", PQerrorMessage(lane->database));
    }
    log_in(lane, -1);
    for (int i = 0; i < server_count; i++) {
        connect_to(lane, &servers[i]);
    }
    while (1) {
        long number;

        pthread_mutex_lock(&lock);
        number = to_do--;
        pthread_mutex_unlock(&lock);
        if (number <= 0) {
            break;
        }
        measure(lane, number, (size_t)number % KINDS);
    }
    PQfinish(lane->database);
    return NULL;
}

int main(int argc, char **argv)
{
    int lanes = argc > 7 ? atoi(argv[5]) : 0;
    pthread_t threads[64];
    lane_t *lane = calloc((size_t)lanes + 1, sizeof(*lane));

    if (lanes < 1 || lanes > 64 || lane == NULL) {
        die("usage", "CONNINFO REALM PATH REVOCATIONS LANES EACH PORT=CHILD,CHILD...");
    }
    conninfo = argv[1];
    realm = argv[2];
    path = argv[3];
    to_do = atol(argv[4]);
    each = atoi(argv[6]);
    for (int i = 7; i < argc && server_count < 8; i++) {
        child_list_read(&servers[server_count++], argv[i]);
    }
    for (int i = 0; i < lanes; i++) {
        lane[i].number = i;
        if (pthread_create(&threads[i], NULL, run, &lane[i]) != 0) {
            die("pthread_create", "no thread");
        }
    }
    for (int i = 0; i < lanes; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("interrupted %ld\n", (long)interrupted);
    return 0;
}
