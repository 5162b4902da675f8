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

/* "On" and "Off" stand alone. Returns how many words were understood. */
static int read_parts(int argc, char *const argv[], int *parts)
{
    int i = 0;

    *parts = 0;
    if (argc == 1 && (strcasecmp(argv[0], "On") == 0 || strcasecmp(argv[0], "Off") == 0)) {
        *parts = strcasecmp(argv[0], "On") == 0 ? ALL : 0;
        return 1;
    }
    while (i < argc && add_word(argv[i], parts)) {
        i++;
    }
    return i;
}

/* The cookies behind "except=". */
static const char *read_except(cmd_parms *cmd, const char *list, const apr_array_header_t **except)
{
    char *words[MOST_NAMES + 1], *rest, *word = apr_pstrdup(cmd->pool, list);
    int count = 0;

    for (word = apr_strtok(word, ",", &rest); word && count <= MOST_NAMES;
         word = apr_strtok(NULL, ",", &rest)) {
        words[count++] = word;
    }
    if (count > MOST_NAMES) {
        return secsession_argument_wrong(cmd, list, "at most 32 cookies with commas between them");
    }
    return secsession_argument_patterns(cmd, count, words, except);
}

const char *secsession_argument_harden(cmd_parms *cmd, int argc, char *const argv[], int *parts,
                                       const apr_array_header_t **except)
{
    const int has_except = argc > 1 && strncasecmp(argv[argc - 1], "except=", 7) == 0;
    const int count = argc - has_except, understood = read_parts(count, argv, parts);

    *except = NULL;
    if (argc == 0 || understood < count || (has_except && !(*parts & SECSESSION_HARDEN_COOKIES))) {
        return apr_psprintf(
            cmd->pool,
            "%s is '%s'; it must be On or Off alone, or any of cookies, urls, referrer, "
            "each at most once; urls may be written as urls=strip or urls=refuse; On and cookies "
            "may be followed by except= and names of cookies, at the end",
            cmd->cmd->name, argc == 0 ? "" : argv[understood < count ? understood : argc - 1]);
    }
    return has_except ? read_except(cmd, argv[argc - 1] + 7, except) : NULL;
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
