/* The head of a response is the same in whatever pieces it comes. What is let through is text in
 * which every program finds the same lines: written again, it is read as the same head. */
/* links: http/parse/head.c t/fuzz/pool.c */
#include "t/fuzz/fuzz.h"

#include <apr_strings.h>
#include <string.h>

#include "http/parse/head.h"

typedef struct {
    secsession_head_outcome_t outcome;
    secsession_head_t *head;
    size_t taken;
} result_t;

static result_t read_in(apr_pool_t *pool, const uint8_t *data, size_t size, size_t piece)
{
    result_t result = { .head = secsession_head_make(pool) };

    while (result.taken < size && result.outcome == SECSESSION_HEAD_MORE) {
        apr_size_t next = size - result.taken < piece ? size - result.taken : piece, used;
        const char *bytes = apr_pmemdup(pool, data + result.taken, next);

        result.outcome = secsession_head_read(result.head, bytes, next, &used);
        REQUIRE(used <= next && (used == next || result.outcome != SECSESSION_HEAD_MORE));
        result.taken += used;
    }
    REQUIRE(result.taken <= SECSESSION_HEAD_BYTES + 1);
    return result;
}

static void check_line(const char *line, int is_first)
{
    for (const char *c = line; *c; c++) {
        REQUIRE(*c == '\t' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
    }
    if (is_first) {
        REQUIRE(strncmp(line, "HTTP/1.", 7) == 0);
    } else {
        size_t name = strcspn(line, ":");

        REQUIRE(line[name] == ':' && name > 0 && strcspn(line, " \t\"(),/;<=>?@[\\]{}") >= name);
    }
}

/* The head, as it is written again: each line at most one byte longer than it was. */
static const char *written(apr_pool_t *pool, const result_t *result)
{
    char *text = apr_palloc(pool, 2 * result->taken + 1), *end = text;
    const char *line = NULL;

    for (int is_first = 1; (line = secsession_head_next(result->head, line)) != NULL;
         is_first = 0) {
        check_line(line, is_first);
        end += sprintf(end, "%s\r\n", line);
    }
    strcpy(end, "\r\n");
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t PIECES[] = { 1, 2, 7, 1000 };
    apr_pool_t *pool = fuzz_pool_make();
    result_t at_once = read_in(pool, data, size, size + 1);

    for (size_t i = 0; i < sizeof(PIECES) / sizeof(*PIECES); i++) {
        result_t other = read_in(pool, data, size, PIECES[i]);

        REQUIRE(other.outcome == at_once.outcome && other.taken == at_once.taken);
        REQUIRE(other.outcome != SECSESSION_HEAD_WHOLE
                || strcmp(written(pool, &other), written(pool, &at_once)) == 0);
    }
    if (at_once.outcome == SECSESSION_HEAD_WHOLE) {
        const char *text = written(pool, &at_once);
        result_t again = read_in(pool, (const uint8_t *)text, strlen(text), strlen(text));
        int status = secsession_head_status(at_once.head);

        REQUIRE(status >= 100 && status <= 999);
        /* Bare line feeds become longer. */
        REQUIRE(strlen(text) > SECSESSION_HEAD_BYTES
                || (again.outcome == SECSESSION_HEAD_WHOLE && again.taken == strlen(text)
                    && strcmp(written(pool, &again), text) == 0));
    }
    fuzz_pool_destroy(pool);
    return 0;
}
