/* How soon a thread that has something to do is given a processor. */
#ifndef SECSESSION_URGENT_H
#define SECSESSION_URGENT_H

/* Asks for the shortest slices of time that there are for the calling thread. The scheduler of
 * Linux (as of 6.12) then mostly lets it interrupt other threads when it wakes, instead of letting
 * it wait for the end of their slices. That needs no privilege, and gives the thread no larger
 * share of the processor. Nothing changes on other systems, or where the administrator has chosen
 * another kind of scheduling or filters system calls. */
void secsession_urgent_begin(void);

#endif
