/* The places of our pages. What the SetHandler of a section names answers there, whatever
 * ProxyPass, RewriteRule or an application's .htaccess say about the same URLs: these often take
 * every URL of a virtual host, and the backend would get the password that the login form sends.
 *
 * Answers that are not a mapping still count there: a redirect to https, a RewriteRule with [F],
 * Require. */
#ifndef SECSESSION_CLAIM_H
#define SECSESSION_CLAIM_H

#include <httpd.h>

/* The handler of ours that the configuration of the server names with SetHandler at the location of
 * the request, or NULL. A request that a client sends to a proxy is for a page of another
 * server. */
const char *secsession_claim_name(const request_rec *r);

/* post_read_request: the ErrorDocument of a page of ours gets nothing of what was posted to that
 * page, since it may come from a backend, to which httpd would pass it on. Always DECLINED. */
int secsession_claim_keep_body(request_rec *r);

/* pre_translate_name, before mod_proxy: OK at our places, which ends this phase there. */
int secsession_claim_pre_translate(request_rec *r);

/* translate_name, before all modules: finds the file to which a place of ours maps, without
 * mod_proxy and mod_rewrite. Returns what all modules together return, or the redirect or error of
 * one of them. DECLINED at other places. */
int secsession_claim_translate(request_rec *r);

/* access_checker_ex, after all modules: OK at the places for logging in and out if all that Require
 * lacks there is the user of a session. A section that protects the whole site may be applied after
 * theirs, and nobody could log in. What Require says of addresses and the like has been obeyed. */
int secsession_claim_admit(request_rec *r);

/* fixups, before all modules: notes the file and the query, which the RewriteRules of a directory
 * may change. Always DECLINED. */
int secsession_claim_note(request_rec *r);

/* Call this before a page of ours answers: makes the request again what it was when it was
 * noted. */
void secsession_claim_settle(request_rec *r);

#endif
