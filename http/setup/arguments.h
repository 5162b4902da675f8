/* Readers of the directives' arguments. Each answers NULL, or the error that stops httpd: with the
 * directive, the value and what is allowed. */
#ifndef SECSESSION_ARGUMENTS_H
#define SECSESSION_ARGUMENTS_H

#include <httpd.h>
#include <http_config.h>

#include "http/setup/config.h"

/* The error itself: `argument` is not what is `allowed`. */
const char *secsession_argument_wrong(cmd_parms *cmd, const char *argument, const char *allowed);

/* A duration in whole seconds: 30, 30s, 15m, 8h, 30d; from 1 second to 10 years. */
const char *secsession_argument_duration(cmd_parms *cmd, const char *argument, int *seconds);

/* A duration in whole milliseconds: as above, or 500ms; from `least` to a day. */
const char *secsession_argument_milliseconds(cmd_parms *cmd, const char *argument, int least,
                                             int *milliseconds);

/* A whole number from 1 to `most`. */
const char *secsession_argument_number(cmd_parms *cmd, const char *argument, int most, int *number);

/* A libpq connection string. */
const char *secsession_argument_connection(cmd_parms *cmd, const char *argument);

/* A path on this host. */
const char *secsession_argument_path(cmd_parms *cmd, const char *argument);

/* A realm: 1 to 255 printable ASCII characters without quotes, backslashes and spaces. */
const char *secsession_argument_realm(cmd_parms *cmd, const char *argument);

/* The cookie's name and attributes (RFC 6265bis, 4.1.1 to 4.1.3). */
const char *secsession_argument_cookie(cmd_parms *cmd, int argc, char *const argv[],
                                       secsession_cookie_t *cookie);

/* A secsession_profile_t. */
const char *secsession_argument_profile(cmd_parms *cmd, const char *argument, int *profile);

/* A duration as above, or "off": 0. */
const char *secsession_argument_interval(cmd_parms *cmd, const char *argument, int *seconds);

/* The limits of a session that stays signed in, the absolute one first, or "off"; without an
 * idle one (NULL) that is a week, if the session lasts as long. */
const char *secsession_argument_remember(cmd_parms *cmd, const char *absolute, const char *idle,
                                         secsession_limits_t *remembered);

/* How many sessions a user may have, and which has to go; `then` may be NULL. */
const char *secsession_argument_crowd(cmd_parms *cmd, const char *most, const char *then,
                                      secsession_crowd_t *crowd);

/* A secsession_bind_t, and "log", "reauth" or "end"; `then` may be NULL: reauth. */
const char *secsession_argument_bind(cmd_parms *cmd, const char *what, const char *then, int *bind,
                                     const char **if_moved);

/* The value of Clear-Site-Data, made of its types; "none": the empty value. */
const char *secsession_argument_clear_site_data(cmd_parms *cmd, int argc, char *const argv[],
                                                const char **value);

/* An expression of httpd's (ap_expr), or "none"; and "field=NAME", "user=$1", or NULL. */
const char *secsession_argument_when(cmd_parms *cmd, const char *expression, const char *from,
                                     const secsession_when_t **when);

/* Shell patterns of cookie names (const char *), or "none": no patterns. */
const char *secsession_argument_patterns(cmd_parms *cmd, int argc, char *const argv[],
                                         const apr_array_header_t **patterns);

/* A request header that may carry a user's name, and means nothing else. */
const char *secsession_argument_header(cmd_parms *cmd, const char *name);

/* "Off", or "On" and origins: https://host[:port] (const char *). */
const char *secsession_argument_guard(cmd_parms *cmd, int argc, char *const argv[], int *guard,
                                      const apr_array_header_t **allowed);

/* "On", "Off" or parts of SecSessionHarden, whose bits *parts gets. */
const char *secsession_argument_harden(cmd_parms *cmd, int argc, char *const argv[], int *parts);

/* What applications call a session id in a URL; *names ends with a NULL. */
const char *secsession_argument_url_ids(cmd_parms *cmd, int argc, char *const argv[],
                                        const char *const **names);

/* A file of keys, which nobody but its owner may read. */
const char *secsession_argument_keys(cmd_parms *cmd, const char *argument,
                                     const secsession_keys_t **keys);

#endif
