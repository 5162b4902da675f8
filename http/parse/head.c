/* Reads the head of a response that comes in pieces. */
#include "http/parse/head.h"

#include <apr_lib.h>
#include <string.h>

#define FIRST_BYTES 1024

/* The lines stand in `text` one after another, each with a NUL at its end. */
struct secsession_head_t {
    apr_pool_t *pool;
    char *text;
    apr_size_t length, size;
    apr_size_t line;  /* where the line begins that is being read */
    apr_size_t taken; /* bytes of the head, with the ends of its lines */
    int is_cr;        /* the byte before this one was a CR */
};

secsession_head_t *secsession_head_make(apr_pool_t *pool)
{
    secsession_head_t *head = apr_pcalloc(pool, sizeof(*head));

    head->pool = pool;
    return head;
}

static void append(secsession_head_t *head, char c)
{
    if (head->length == head->size) {
        apr_size_t size = head->size ? 2 * head->size : FIRST_BYTES;
        char *text = apr_palloc(head->pool, size);

        if (head->length) {
            memcpy(text, head->text, head->length);
        }
        head->text = text;
        head->size = size;
    }
    head->text[head->length++] = c;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* RFC 9112, 4: HTTP/1.x, a blank, three digits; then a blank before the reason, or nothing.
 * Browsers know no status below 100. */
static int is_status_line(const char *line)
{
    return strncmp(line, "HTTP/1.", 7) == 0 && apr_isdigit(line[7]) && line[8] == ' '
           && apr_isdigit(line[9]) && line[9] != '0' && apr_isdigit(line[10])
           && apr_isdigit(line[11]) && (line[12] == ' ' || line[12] == '\0');
}

/* RFC 9110, 5.6.2. */
static int is_of_token(char c)
{
    return apr_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* No blank is allowed before the colon (RFC 9112, 5.1), and none at the start of the line, which
 * would continue the line before it (RFC 9112, 5.2). */
static int is_field_line(const char *line)
{
    const char *c = line;

    while (is_of_token(*c)) {
        c++;
    }
    return c > line && *c == ':';
}

/* Ends the line that is being read. */
static secsession_head_outcome_t end_line(secsession_head_t *head)
{
    const apr_size_t start = head->line;

    append(head, '\0');
    head->line = head->length;
    if (start > 0 && head->text[start] == '\0') {
        return SECSESSION_HEAD_WHOLE;
    }
    return (start == 0 ? is_status_line(head->text) : is_field_line(head->text + start))
               ? SECSESSION_HEAD_MORE
               : SECSESSION_HEAD_WRONG;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static secsession_head_outcome_t take(secsession_head_t *head, char c)
{
    if (c == '\n') {
        head->is_cr = 0;
        return end_line(head);
    }
    if (head->is_cr || (apr_iscntrl(c) && c != '\t' && c != '\r')) {
        return SECSESSION_HEAD_WRONG;
    }
    if (c == '\r') {
        head->is_cr = 1;
    } else {
        append(head, c);
    }
    return SECSESSION_HEAD_MORE;
}

secsession_head_outcome_t secsession_head_read(secsession_head_t *head, const char *bytes,
                                               apr_size_t length, apr_size_t *used)
{
    secsession_head_outcome_t outcome = SECSESSION_HEAD_MORE;

    for (*used = 0; *used < length && outcome == SECSESSION_HEAD_MORE; (*used)++) {
        outcome = ++head->taken > SECSESSION_HEAD_BYTES ? SECSESSION_HEAD_WRONG
                                                        : take(head, bytes[*used]);
    }
    return outcome;
}

/* --- what has been read ----------------------------------------------------------------------- */

int secsession_head_status(const secsession_head_t *head)
{
    const char *digits = head->text + 9;

    return (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

const char *secsession_head_next(const secsession_head_t *head, const char *line)
{
    const char *next = line ? line + strlen(line) + 1 : head->text;

    return *next ? next : NULL;
}

const char *secsession_head_value(const char *line, const char *name)
{
    const apr_size_t length = strlen(name);

    if (strncasecmp(line, name, length) != 0 || line[length] != ':') {
        return NULL;
    }
    line += length + 1;
    return line + strspn(line, " \t");
}
