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

static const char *read_remembered(cmd_parms *cmd, const char *absolute, const char *idle,
                                   secsession_limits_t *remembered)
{
    const int week = 7 * 24 * 60 * 60;
    const char *error;

    remembered->idle = 0;
    error = secsession_argument_interval(cmd, absolute, &remembered->absolute);
    if (error == NULL && idle && remembered->absolute == 0) {
        return secsession_argument_wrong(cmd, absolute,
                                         "a duration such as 30d if something follows");
    }
    if (error || idle == NULL) {
        remembered->idle = remembered->absolute < week ? remembered->absolute : week;
        return error;
    }
    error = secsession_argument_duration(cmd, idle, &remembered->idle);
    if (error == NULL && remembered->idle > remembered->absolute) {
        return secsession_argument_wrong(
            cmd, idle,
            apr_psprintf(cmd->pool, "a duration of at most %s, which is before it", absolute));
    }
    return error;
}
const char *secsession_argument_remember(cmd_parms *cmd, int argc, char *const argv[],
                                         secsession_limits_t *remembered, const char **field)
{
    const int has_field = argc > 1 && strncasecmp(argv[argc - 1], "field=", 6) == 0;
    const int count = argc - has_field;

    *field = has_field ? argv[argc - 1] + 6 : "remember";
    if (count < 1 || count > 2 || **field == '\0') {
        return secsession_argument_wrong(
            cmd, argc ? argv[argc - 1] : "",
            "off, or one or two durations, which field= and the name of a form field may follow");
    }
    if (has_field && strcasecmp(argv[0], "off") == 0) {
        return secsession_argument_wrong(cmd, argv[0],
                                         "a duration such as 30d if something follows");
    }
    return read_remembered(cmd, argv[0], count == 2 ? argv[1] : NULL, remembered);
}

const char *secsession_argument_crowd(cmd_parms *cmd, const char *most, const char *then,
                                      secsession_crowd_t *crowd)
{
    static const char *const names[] = { "oldest", "refuse", NULL };

    crowd->is_newest_refused = then ? place_of(then, names) : 0;
    if (crowd->is_newest_refused < 0) {
        return secsession_argument_wrong(cmd, then, "oldest or refuse");
    }
    return secsession_argument_is_number(most, 0, 10000, &crowd->most)
               ? NULL
               : secsession_argument_wrong(cmd, most, "0 (no limit), or a number from 1 to 10000");
}

const char *secsession_argument_names(cmd_parms *cmd, const char *argument, int *lowercase)
{
    static const char *const names[] = { "exact", "lowercase", NULL };

    *lowercase = place_of(argument, names);
    return *lowercase >= 0 ? NULL : secsession_argument_wrong(cmd, argument, "exact or lowercase");
}

const char *secsession_argument_throttle(cmd_parms *cmd, const char *most, const char *within,
                                         secsession_throttle_t *throttle)
{
    throttle->most = 0;
    if (strcasecmp(most, "off") == 0 && within == NULL) {
        return NULL;
    }
    if (within == NULL || !secsession_argument_is_number(most, 1, 1000, &throttle->most)) {
        return secsession_argument_wrong(
            cmd, most, "Off alone, or a number from 1 to 1000 and a duration, such as 5 5m");
    }
    return secsession_argument_duration(cmd, within, &throttle->within);
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
            "none alone, or subnet or address, either of which may be followed "
            "by log, reauth or end");
    }
    if (action < 0) {
        return secsession_argument_wrong(cmd, then, "log, reauth or end");
    }
    *if_moved = actions[action];
    return NULL;
}
