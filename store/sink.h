/* Where events go besides the audit trail: whoever makes a store says so. */
#ifndef SECSESSION_SINK_H
#define SECSESSION_SINK_H

/* `tell` gets each event that a statement of ours has written into the audit trail, as one line of
 * JSON, once the statement has succeeded. Any thread may call it, and it must not wait. */
typedef struct {
    void (*tell)(void *data, const char *event);
    void *data;
} secsession_sink_t;

#endif
