/* Keeps responses that belong to a session out of caches: those of proxies and content delivery
 * networks, that of mod_cache in this httpd, and, unless a response is the same for everybody,
 * those of browsers. docs/security.md says why, "What a browser keeps". */
#ifndef SECSESSION_CACHES_H
#define SECSESSION_CACHES_H

#include "http/request/context.h"

/* pre_config: looks whether mod_cache is loaded. */
int secsession_caches_find(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* fixups: mod_cache stores nothing that is made for a session, whatever SecSessionCacheControl
 * says, since it would give it to visitors before anybody asks who they are. Always DECLINED. */
int secsession_caches_fixup(request_rec *r);

/* quick_handler and handler, before and after those of mod_cache: it neither answers nor stores a
 * request that has our cookie or a session; also where SecSession is Off, since a page there may
 * include one of a session. The quick handler comes before the session is looked up. Always
 * DECLINED. */
int secsession_caches_pass_by_early(request_rec *r, int is_lookup);
int secsession_caches_go_on_early(request_rec *r, int is_lookup);
int secsession_caches_pass_by(request_rec *r);
int secsession_caches_go_on(request_rec *r);

/* check_authn, which runs only where what Require says needs a user: notes that. Always
 * DECLINED. */
int secsession_caches_note_user(request_rec *r);

/* handler, right before httpd's own for files: notes that it answers. Always DECLINED. */
int secsession_caches_note_file(request_rec *r);

/* Tells caches what the response is. `is_ours`: it sets or deletes our cookie, or is made by this
 * module. */
void secsession_caches_tell(const secsession_here_t *here, int is_ours);

#endif
