/* Where events go, besides the audit trail: what http/ gives to a store, and its connections use. */
#ifndef SECSESSION_SINK_H
#define SECSESSION_SINK_H

/* `tell` gets each event that a statement of ours has written into the audit trail, when the statement
 * has succeeded: as one line of JSON. Any thread may call it, and it must not wait. NULL: nobody is told. */
typedef struct {
    void (*tell)(void *data, const char *event);
    void *data;
} secsession_sink_t;

#endif
