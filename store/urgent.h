/* How soon the processor is given to a thread that has something to do. For feed.c. */
#ifndef SECSESSION_URGENT_H
#define SECSESSION_URGENT_H

/* The calling thread asks for the shortest slices of time that there are: by that the scheduler of Linux
 * (EEVDF, as of 6.12) lets it interrupt others when it wakes, instead of waiting until they have had
 * theirs. It needs no privilege, and gives no larger share of the processor. Elsewhere, and where the
 * administrator has chosen another kind of scheduling, nothing changes. */
void secsession_urgent_begin(void);

#endif
