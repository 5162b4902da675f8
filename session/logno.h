/* The number that stands before each message in the log. Numbers are stable: one is never used for
 * another message (1xx the store, 2xx requests, 3xx configuration). docs/operations.md lists them. */
#ifndef SECSESSION_LOGNO_H
#define SECSESSION_LOGNO_H

#define SECSESSION_LOGNO(number) "SS" #number ": "

#endif
