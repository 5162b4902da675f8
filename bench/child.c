/* Finds the child of httpd that holds the other end of a connection. */
#include "bench/child.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void child_list_read(child_list_t *list, const char *text)
{
    char *rest;

    list->port = (int)strtol(text, &rest, 10);
    list->count = 0;
    while (*rest && list->count < MOST_CHILDREN) {
        list->pids[list->count++] = (int)strtol(rest + 1, &rest, 10);
    }
}

/* The inode of the socket at the server's end, which is the one whose peer is our port. 0: not
 * found. */
static unsigned long inode_of(int server_port, int our_port)
{
    FILE *table = fopen("/proc/net/tcp", "r");
    unsigned long inode = 0;
    char line[512];

    while (table && inode == 0 && fgets(line, sizeof(line), table)) {
        unsigned here, there;
        unsigned long found;

        if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*s %*s %*s %*d %*d %lu", &here, &there, &found)
                == 3
            && (int)here == server_port && (int)there == our_port) {
            inode = found;
        }
    }
    if (table) {
        fclose(table);
    }
    return inode;
}

static int holds(int pid, unsigned long inode)
{
    char folder[64], file[512], target[64], wanted[64];
    DIR *directory;
    int found = 0;

    snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    directory = opendir(folder);
    for (struct dirent *entry; directory && !found && (entry = readdir(directory)) != NULL;) {
        ssize_t length;

        snprintf(file, sizeof(file), "%s/%s", folder, entry->d_name);
        length = readlink(file, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (directory) {
        closedir(directory);
    }
    return found;
}

int child_of(const child_list_t *list, int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    unsigned long inode;

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    inode = inode_of(list->port, ntohs(address.sin_port));
    for (int i = 0; i < list->count && inode != 0; i++) {
        if (holds(list->pids[i], inode)) {
            return i;
        }
    }
    return -1;
}
