/* How soon the processor is given to a thread that has something to do. For feed.c. */
#ifndef SECSESSION_URGENT_H
#define SECSESSION_URGENT_H

/* The calling thread asks for the shortest slices of time that there are: by that the scheduler of Linux
 * (as of 6.12) mostly lets it interrupt others when it wakes, instead of waiting until they have had
 * theirs. It needs no privilege, and gives no larger share of the processor. Elsewhere nothing changes, nor
 * where the administrator has chosen another kind of scheduling or filters system calls. */
void secsession_urgent_begin(void);

#endif
