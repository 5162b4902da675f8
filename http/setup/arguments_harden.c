/* Parses the arguments of SecSessionHarden and SecSessionUrlIds. */
#include <apr_lib.h>
#include <apr_strings.h>

#include "http/setup/arguments.h"

#define MOST_NAMES 32 /* httpd passes 64 arguments at most, and silently drops the others */
#define NAME_LENGTH 64

#define ALL (SECSESSION_HARDEN_COOKIES | SECSESSION_HARDEN_STRIP | SECSESSION_HARDEN_REFERRER)

/* Each word with its bit, and with the bits that must not be set yet when it is added. */
static const struct {
    const char *word;
    int part;
    int group;
} WORDS[] = {
    { "cookies", SECSESSION_HARDEN_COOKIES, SECSESSION_HARDEN_COOKIES },
    { "urls", SECSESSION_HARDEN_STRIP, SECSESSION_HARDEN_STRIP | SECSESSION_HARDEN_REFUSE },
    { "urls=strip", SECSESSION_HARDEN_STRIP, SECSESSION_HARDEN_STRIP | SECSESSION_HARDEN_REFUSE },
    { "urls=refuse", SECSESSION_HARDEN_REFUSE, SECSESSION_HARDEN_STRIP | SECSESSION_HARDEN_REFUSE },
    { "referrer", SECSESSION_HARDEN_REFERRER, SECSESSION_HARDEN_REFERRER },
};

static int add_word(const char *word, int *parts)
{
    for (apr_size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (strcasecmp(word, WORDS[i].word) == 0 && !(*parts & WORDS[i].group)) {
            *parts |= WORDS[i].part;
            return 1;
        }
    }
    return 0;
}

const char *secsession_argument_harden(cmd_parms *cmd, int argc, char *const argv[], int *result)
{
    int parts = 0, i = 0;

    if (argc == 1 && strcasecmp(argv[0], "On") == 0) {
        *result = ALL;
        return NULL;
    }
    if (argc == 1 && strcasecmp(argv[0], "Off") == 0) {
        *result = 0;
        return NULL;
    }
    while (i < argc && add_word(argv[i], &parts)) {
        i++;
    }
    *result = parts;
    return i == argc && argc > 0
               ? NULL
               : apr_psprintf(
                   cmd->pool,
                   "%s is '%s'; it must be On or Off alone, or any of cookies, urls, referrer, "
                   "each at most once; urls may be written as urls=strip or urls=refuse",
                   cmd->cmd->name, argc ? argv[i] : "");
}

static int is_name(const char *text)
{
    apr_size_t length = strlen(text);

    for (const char *c = text; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("-._~", *c)) {
            return 0;
        }
    }
    return length >= 1 && length <= NAME_LENGTH;
}

const char *secsession_argument_url_ids(cmd_parms *cmd, int argc, char *const argv[],
                                        const char *const **result)
{
    const char **names = apr_pcalloc(cmd->pool, ((apr_size_t)argc + 1) * sizeof(*names));
    int i = 0;

    for (; i < argc && i < MOST_NAMES && is_name(argv[i]); i++) {
        names[i] = argv[i];
    }
    *result = names;
    return i == argc && argc > 0
               ? NULL
               : apr_psprintf(cmd->pool,
                              "%s is '%s'; it must be 1 to %d names of URL arguments, each of 1 to "
                              "%d letters, digits and -._~",
                              cmd->cmd->name, argc ? argv[i] : "", MOST_NAMES, NAME_LENGTH);
}
