/* Parses the arguments of the directives about profiles, rotation, and how long, how many and from
 * where sessions are used. */
#include <apr_lib.h>
#include <apr_strings.h>

#include "http/setup/arguments.h"

/* The index of a word in a list that ends with NULL, or -1. */
static int place_of(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcasecmp(word, words[i]) == 0) {
            return i;
        }
    }
    return -1;
}

const char *secsession_argument_profile(cmd_parms *cmd, const char *argument, int *profile)
{
    static const char *const names[] = { [SECSESSION_PROFILE_STANDARD] = "standard",
                                         [SECSESSION_PROFILE_SENSITIVE] = "sensitive",
                                         [SECSESSION_PROFILE_REMEMBER] = "remember",
                                         NULL };

    *profile = place_of(argument, names);
    return *profile >= 0
               ? NULL
               : secsession_argument_wrong(cmd, argument, "sensitive, standard or remember");
}

const char *secsession_argument_interval(cmd_parms *cmd, const char *argument, int *seconds)
{
    *seconds = 0;
    return strcasecmp(argument, "off") == 0 ? NULL
                                            : secsession_argument_duration(cmd, argument, seconds);
}

const char *secsession_argument_remember(cmd_parms *cmd, const char *absolute, const char *idle,
                                         secsession_limits_t *remembered)
{
    const int week = 7 * 24 * 60 * 60;
    const char *error;

    remembered->idle = 0;
    error = secsession_argument_interval(cmd, absolute, &remembered->absolute);
    if (error == NULL && idle && remembered->absolute == 0) {
        return secsession_argument_wrong(cmd, absolute,
                                         "a duration such as 30d if a second duration follows");
    }
    if (error == NULL && idle) {
        error = secsession_argument_duration(cmd, idle, &remembered->idle);
    } else {
        remembered->idle = remembered->absolute < week ? remembered->absolute : week;
    }
    return error;
}

const char *secsession_argument_crowd(cmd_parms *cmd, const char *most, const char *then,
                                      secsession_crowd_t *crowd)
{
    static const char *const names[] = { "oldest", "refuse", NULL };

    crowd->is_newest_refused = then ? place_of(then, names) : 0;
    if (crowd->is_newest_refused < 0) {
        return secsession_argument_wrong(cmd, then, "a number, followed by oldest or refuse");
    }
    crowd->most = 0;
    return strcmp(most, "0") == 0 ? NULL
                                  : secsession_argument_number(cmd, most, 10000, &crowd->most);
}

const char *secsession_argument_bind(cmd_parms *cmd, const char *what, const char *then, int *bind,
                                     const char **if_moved)
{
    static const char *const names[] = { [SECSESSION_BIND_NONE] = "none",
                                         [SECSESSION_BIND_SUBNET] = "subnet",
                                         [SECSESSION_BIND_ADDRESS] = "address",
                                         NULL };
    static const char *const actions[] = { "log", "reauth", "end", NULL };
    int action = place_of(then ? then : "reauth", actions);

    *bind = place_of(what, names);
    if (*bind < 0 || (*bind == SECSESSION_BIND_NONE && then)) {
        return secsession_argument_wrong(
            cmd, what,
            "none, or subnet or address, either of which may be followed "
            "by log, reauth or end");
    }
    if (action < 0) {
        return secsession_argument_wrong(cmd, then, "log, reauth or end");
    }
    *if_moved = actions[action];
    return NULL;
}
