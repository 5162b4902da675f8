/* Pieces of text that need not end with a NUL. */
#ifndef SECSESSION_SPAN_H
#define SECSESSION_SPAN_H

typedef struct {
    const char *start;
    const char *end; /* behind its last character */
} secsession_span_t;

/* The white space of header fields (RFC 9110, 5.6.3). */
static inline int secsession_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A piece of text without the blanks at its start. */
static inline secsession_span_t secsession_span_skip_blanks(secsession_span_t span)
{
    while (span.start < span.end && secsession_is_blank(*span.start)) {
        span.start++;
    }
    return span;
}

/* A piece of text without the blanks at both of its ends. */
static inline secsession_span_t secsession_span_trim(const char *start, const char *end)
{
    while (end > start && secsession_is_blank(end[-1])) {
        end--;
    }
    return secsession_span_skip_blanks((secsession_span_t){ start, end });
}

#endif
