/* Parsers for the arguments of directives. Each returns NULL, or an error message that stops httpd;
 * it names the directive, the value and what is allowed. Messages and results are allocated from
 * cmd->pool. Nothing is promised about the results if there is an error. */
#ifndef SECSESSION_ARGUMENTS_H
#define SECSESSION_ARGUMENTS_H

#include <httpd.h>
#include <http_config.h>

#include "http/setup/config.h"

/* Makes the error message: `argument` is not what is `allowed`. */
const char *secsession_argument_wrong(cmd_parms *cmd, const char *argument, const char *allowed);

/* A duration in seconds, written as 30, 30s, 15m, 8h or 30d; from 1 second to 10 years. */
const char *secsession_argument_duration(cmd_parms *cmd, const char *argument, int *seconds);

/* A duration in milliseconds, written as above or as 500ms; from `least` to a day. */
const char *secsession_argument_milliseconds(cmd_parms *cmd, const char *argument, int least,
                                             int *milliseconds);

/* Non-zero if the argument is a whole number from `least` to `most`, which is then in *number: for
 * directives that take something else as well. */
int secsession_argument_is_number(const char *argument, int least, int most, int *number);

/* A whole number from 1 to `most`. */
const char *secsession_argument_number(cmd_parms *cmd, const char *argument, int most, int *number);

/* A connection string of libpq. It may contain a password, so that no error message shows it. */
const char *secsession_argument_connection(cmd_parms *cmd, const char *argument);

/* A path on this host (see http/parse/target.h), without a fragment. */
const char *secsession_argument_path(cmd_parms *cmd, const char *argument);

/* A realm: 1 to 255 printable ASCII characters without quotes, backslashes and spaces. */
const char *secsession_argument_realm(cmd_parms *cmd, const char *argument);

/* The cookie's name and attributes (RFC 6265bis, 4.1.1 to 4.1.3). */
const char *secsession_argument_cookie(cmd_parms *cmd, int argc, char *const argv[],
                                       secsession_cookie_t *cookie);

/* The name of a profile; *profile is a secsession_profile_t. */
const char *secsession_argument_profile(cmd_parms *cmd, const char *argument, int *profile);

/* A duration in seconds as above, or "off", which sets 0. */
const char *secsession_argument_interval(cmd_parms *cmd, const char *argument, int *seconds);

/* The timeouts of a session that stays signed in: first the absolute timeout or "off", then the
 * idle timeout, which is not longer. If it is left out, the idle timeout is a week, but not longer
 * than the absolute one. "field=NAME" behind a timeout sets *field, which else is "remember". */
const char *secsession_argument_remember(cmd_parms *cmd, int argc, char *const argv[],
                                         secsession_limits_t *remembered, const char **field);

/* How many sessions a user may have, and which of them ends if there are more: "oldest", which is
 * the default if `then` is NULL, or "refuse", by which the new login fails. */
const char *secsession_argument_crowd(cmd_parms *cmd, const char *most, const char *then,
                                      secsession_crowd_t *crowd);

/* How names of users are compared: *lowercase is 0 for "exact". */
const char *secsession_argument_names(cmd_parms *cmd, const char *argument, int *lowercase);

/* How many attempts to log in may follow each other, and within what time, or "off" alone. */
const char *secsession_argument_throttle(cmd_parms *cmd, const char *most, const char *within,
                                         secsession_throttle_t *throttle);

/* What a session is bound to (*bind is a secsession_bind_t), and what happens when the client has
 * moved: "log", "reauth" or "end". If `then` is NULL, this is "reauth". */
const char *secsession_argument_bind(cmd_parms *cmd, const char *what, const char *then, int *bind,
                                     const char **if_moved);

/* The value of the Clear-Site-Data header field, made from the names of its types; "none" sets the
 * empty string. */
const char *secsession_argument_clear_site_data(cmd_parms *cmd, int argc, char *const argv[],
                                                const char **value);

/* An expression of httpd (ap_expr), or "none" alone; `from` is "field=NAME", or "user=$1" to
 * "user=$9", which need a regular expression, or NULL. */
const char *secsession_argument_when(cmd_parms *cmd, const char *expression, const char *from,
                                     const secsession_when_t **when);

/* The same of a logout; `answer` is "home", or NULL. */
const char *secsession_argument_logout_when(cmd_parms *cmd, const char *expression,
                                            const char *answer, const secsession_when_t **when);

/* Shell patterns of cookie names (an array of const char *), or "none", which sets an empty
 * array. */
const char *secsession_argument_patterns(cmd_parms *cmd, int argc, char *const argv[],
                                         const apr_array_header_t **patterns);

/* The same, or "httponly", which such patterns may follow. */
const char *secsession_argument_vault(cmd_parms *cmd, int argc, char *const argv[],
                                      secsession_vault_t *vault);

/* The name of a request header field that may tell an application the user; it must not have
 * another meaning in HTTP. */
const char *secsession_argument_header(cmd_parms *cmd, const char *name);

/* "Off", or "On" followed by any number of origins; *allowed is an array of const char *, such as
 * https://host[:port]. */
const char *secsession_argument_guard(cmd_parms *cmd, int argc, char *const argv[], int *guard,
                                      const apr_array_header_t **allowed);

/* "On", "Off" or the parts of SecSessionHarden; *parts is set to their bits. "except=" before
 * patterns of cookies with commas between them, or before "none", sets *except, which else is
 * NULL. */
const char *secsession_argument_harden(cmd_parms *cmd, int argc, char *const argv[], int *parts,
                                       const apr_array_header_t **except);

/* The names of arguments in URLs that applications use for session ids; *names ends with a NULL. */
const char *secsession_argument_url_ids(cmd_parms *cmd, int argc, char *const argv[],
                                        const char *const **names);

/* The log of events: "|" and a program, or the path of a file, whose directory must exist. */
const char *secsession_argument_log(cmd_parms *cmd, const char *argument);

/* The path of a file with keys, which nobody but its owner may read or write; and no other owner
 * than root where root reads it. */
const char *secsession_argument_keys(cmd_parms *cmd, const char *argument,
                                     const secsession_keys_t **keys);

#endif
