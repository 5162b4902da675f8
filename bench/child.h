/* Which child of httpd a connection has been taken by, as the kernel's /proc says: for
 * bench/revocation.c. It must be allowed to look at the children: run as root, or as their user. */
#ifndef SECSESSION_CHILD_H
#define SECSESSION_CHILD_H

#define MOST_CHILDREN 16

typedef struct {
    int port;
    int pids[MOST_CHILDREN];
    int count;
} child_list_t;

/* Reads "PORT=PID,PID". */
void child_list_read(child_list_t *list, const char *text);

/* The place in the list of the child that holds the other end of this connection; -1: none. */
int child_of(const child_list_t *list, int fd);

#endif
