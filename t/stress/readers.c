/* The readers of t/71-stress.t. They send requests to two httpds, over many keep-alive connections
 * at once, with the cookies of sessions that other processes create and end meanwhile, and record
 * the answers.
 *
 *     readers COMMANDS ANSWERS CONNECTIONS PATH PORT PORT
 *
 * These are read from the pipe COMMANDS: "new NUMBER TOKEN USER SESSION"; "stop NUMBER TIME" (no
 * more requests after TIME; the earliest counts); "quit". Written to ANSWERS is a line for each
 * session:
 *     session NUMBER accepted refused unavailable LAST-ACCEPTED-STARTED FIRST-REFUSAL-ENDED
 * and "wrong NUMBER …" for what must never happen. The last line is "total requests broken
 * hung". */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "t/stress/asker.h"

#define MOST_SESSIONS 65536
#define HUNG 20.0 /* seconds without an answer; the deadline of the module itself is 2 seconds */

typedef struct {
    long number;
    char token[TOKEN_LENGTH + 1];
    char user[64];
    char session[40];
    double stop; /* 0: not yet */
    int under_way;
    long accepted, refused, unavailable;
    double last_accepted, first_refusal;
} session_t;

typedef struct {
    asker_t asker;
    session_t *session; /* of the current request */
} reader_t;

static session_t *sessions[MOST_SESSIONS]; /* those for which requests are sent or unanswered */
static int how_many;
static int quitting;
static long requests, broken, hung;
static const char *path;
static FILE *answers;

static void command_new(const char *arguments)
{
    session_t *session = calloc(1, sizeof(*session));

    if (session == NULL || how_many == MOST_SESSIONS
        || sscanf(arguments, "%ld %43s %63s %39s", &session->number, session->token, session->user,
                  session->session)
               != 4) {
        fprintf(stderr, "readers: too many sessions, or none: %s\n", arguments);
        exit(1);
    }
    sessions[how_many++] = session;
}

static void command_stop(const char *arguments)
{
    long number;
    double when;

    if (sscanf(arguments, "%ld %lf", &number, &when) != 2) {
        return;
    }
    for (int i = 0; i < how_many; i++) {
        if (sessions[i]->number == number && (sessions[i]->stop == 0 || when < sessions[i]->stop)) {
            sessions[i]->stop = when;
        }
    }
}

static void obey(const char *line)
{
    if (strncmp(line, "new ", 4) == 0) {
        command_new(line + 4);
    } else if (strncmp(line, "stop ", 5) == 0) {
        command_stop(line + 5);
    } else if (strcmp(line, "quit") == 0) {
        quitting = 1;
    }
}

/* A line may arrive in several pieces. */
static void read_commands(int fd)
{
    static char buffer[65536];
    static size_t length;
    ssize_t n = read(fd, buffer + length, sizeof(buffer) - 1 - length);
    char *line = buffer;

    if (n <= 0) {
        return;
    }
    length += (size_t)n;
    buffer[length] = '\0';
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        obey(line);
    }
    length -= (size_t)(line - buffer);
    memmove(buffer, line, length);
}

static void report(const session_t *session)
{
    fprintf(answers, "session %ld %ld %ld %ld %.6f %.6f\n", session->number, session->accepted,
            session->refused, session->unavailable, session->last_accepted, session->first_refusal);
}

/* Reports and forgets the sessions that are over. */
static void forget_the_stopped(void)
{
    double moment = now();

    for (int i = 0; i < how_many; i++) {
        session_t *session = sessions[i];

        if (session->stop > 0 && session->stop < moment && session->under_way == 0) {
            report(session);
            free(session);
            sessions[i--] = sessions[--how_many];
        }
    }
}

/* Most sessions of the list have ended, since requests for these go on for a while; but most
 * requests are sent for the others. */
static session_t *choose(void)
{
    double moment = now();
    session_t *ended = NULL;

    for (int tries = random() % 10; how_many > 0 && tries < 20; tries++) {
        session_t *session = sessions[random() % how_many];

        if (session->stop == 0) {
            return session;
        }
        if (session->stop > moment) {
            ended = session;
        }
        if (ended != NULL && tries > 11) {
            return ended;
        }
    }
    return ended;
}

static void is_wrong(const session_t *session, const answer_t *answer, const char *what)
{
    fprintf(answers,
            "wrong %ld %s: status %d, user '%s' instead of '%s', session %s instead of %s\n",
            session->number, what, answer->status, answer->user, session->user, answer->session,
            session->session);
}

static void note_answer(session_t *session, const answer_t *answer, double started)
{
    if (answer->status == 200) {
        session->accepted++;
        if (started > session->last_accepted) {
            session->last_accepted = started;
        }
        if (strcmp(answer->user, session->user) != 0
            || strcmp(answer->session, session->session) != 0) {
            is_wrong(session, answer, "somebody else's answer");
        }
    } else if (answer->status == 401 || answer->status == 303) {
        session->refused++;
        if (session->first_refusal == 0) {
            session->first_refusal = now();
        }
    } else if (answer->status == 503) {
        session->unavailable++;
    } else {
        is_wrong(session, answer, "an answer that fits nothing");
    }
}

/* Returns 0 if there is no session to ask for or no server that listens; the caller tries again
 * later. */
static int start_request(reader_t *reader, int epoll)
{
    int is_new = reader->asker.fd < 0;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = reader };

    reader->session = choose();
    if (reader->session == NULL || !asker_connect(&reader->asker)) {
        return 0;
    }
    if (is_new) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, reader->asker.fd, &event);
    }
    if (!asker_ask(&reader->asker, path, reader->session->token)) {
        return 0;
    }
    reader->session->under_way++;
    requests++;
    return 1;
}

static void finish_request(reader_t *reader)
{
    double started = reader->asker.started;
    answer_t answer = { 0 };
    progress_t progress = asker_take(&reader->asker, &answer);

    if (progress == ANSWER_PENDING || started == 0) {
        return;
    }
    reader->asker.started = 0;
    reader->session->under_way--;
    if (progress == ANSWER_COMPLETE) {
        note_answer(reader->session, &answer, started);
    } else {
        broken++;
    }
}

static void give_up_the_hung(reader_t *reader)
{
    if (reader->asker.started > 0 && now() - reader->asker.started > HUNG) {
        asker_close(&reader->asker);
        reader->session->under_way--;
        hung++;
    }
}

int main(int argc, char **argv)
{
    int commands = argc == 7 ? open(argv[1], O_RDWR | O_NONBLOCK) : -1;
    int connections = argc == 7 ? atoi(argv[3]) : 0;
    int epoll = epoll_create1(0);
    reader_t *readers = calloc((size_t)connections + 1, sizeof(*readers));
    struct epoll_event events[64], command = { .events = EPOLLIN, .data.ptr = NULL };

    if (commands < 0 || epoll < 0 || readers == NULL || (answers = fopen(argv[2], "w")) == NULL) {
        fprintf(stderr, "readers COMMANDS ANSWERS CONNECTIONS PATH PORT PORT\n");
        return 1;
    }
    path = argv[4];
    for (int i = 0; i < connections; i++) {
        readers[i].asker.port = atoi(argv[5 + i % 2]);
        readers[i].asker.fd = -1;
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, commands, &command);
    while (!quitting || how_many > 0) {
        int n;

        for (int i = 0; i < connections; i++) {
            if (readers[i].asker.started == 0) {
                start_request(&readers[i], epoll);
            } else {
                give_up_the_hung(&readers[i]);
            }
        }
        n = epoll_wait(epoll, events, 64, 20);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) {
                read_commands(commands);
            } else {
                finish_request(events[i].data.ptr);
            }
        }
        forget_the_stopped();
    }
    fprintf(answers, "total %ld %ld %ld\n", requests, broken, hung);
    return fclose(answers) == 0 ? 0 : 1;
}
