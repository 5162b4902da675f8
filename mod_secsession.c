/* mod_secsession: secure sessions in the web server, kept in PostgreSQL.
 * This file has only the module record and the hooks, in the order in which they are called.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_auth.h>
#include <stdlib.h>

#include "http/access/adopt.h"
#include "http/access/authn.h"
#include "http/access/authz.h"
#include "http/access/guard.h"
#include "http/application/caches.h"
#include "http/application/cookies.h"
#include "http/application/environment.h"
#include "http/application/flight.h"
#include "http/application/forward.h"
#include "http/application/harden.h"
#include "http/application/interim.h"
#include "http/application/nph.h"
#include "http/application/response.h"
#include "http/application/tee.h"
#include "http/application/trailers.h"
#include "http/application/tunnel.h"
#include "http/application/words.h"
#include "http/handlers/back.h"
#include "http/handlers/claim.h"
#include "http/handlers/handler.h"
#include "http/handlers/logout.h"
#include "http/modsession/modsession.h"
#include "http/request/arrive.h"
#include "http/request/current.h"
#include "http/request/hop.h"
#include "http/setup/config.h"
#include "http/setup/inside.h"
#include "http/setup/learnt.h"
#include "http/setup/neighbours.h"
#include "http/setup/stores.h"
#include "http/users/password.h"

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    int status = secsession_config_check(pconf, server);

    if (status != OK) {
        return status;
    }
    secsession_inside_warn(server);
    secsession_neighbours_share(pconf, server);
    status = secsession_neighbours_check(ptemp, server);
    return status == OK ? secsession_stores_check(server) : status;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    int status;

    /* No attempt of libpq to connect may hang forever, and neither may those of mod_dbd when a
     * child process starts. In seconds. */
    setenv("PGCONNECT_TIMEOUT", "2", 0);
    if (secsession_password_init(pconf) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    status = secsession_learnt_create(pconf, server);
    return status == OK ? secsession_stores_create(pconf, server, secsession_modsession_is_there())
                        : status;
}

static void register_hooks(apr_pool_t *pool)
{
    /* mod_log_forensic logs all header fields of a request, so that our cookie must be removed
     * before. */
    static const char *const before[] = { "mod_log_forensic.c", NULL };

    secsession_hop_register();
    secsession_response_register();
    secsession_tee_register();
    secsession_interim_register();
    secsession_trailers_register();
    secsession_tunnel_register();
    secsession_flight_register();
    secsession_authz_register(pool);
    secsession_modsession_register();

    ap_hook_pre_config(secsession_caches_find, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(secsession_modsession_find, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(secsession_stores_child_init, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_post_read_request(secsession_words_read_redirect, NULL, before,
                              APR_HOOK_REALLY_FIRST - 1);
    ap_hook_post_read_request(secsession_arrive, NULL, before, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(secsession_hop_arrive, NULL, before, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(secsession_forward_strip, NULL, before, APR_HOOK_REALLY_FIRST);
    ap_hook_post_read_request(secsession_claim_keep_body, NULL, before, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_translate_name(secsession_harden_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_translate_name(secsession_claim_pre_translate, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(secsession_claim_translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_header_parser(secsession_guard_check, NULL, NULL, APR_HOOK_FIRST - 1);
    ap_hook_header_parser(secsession_current_look_up, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_header_parser(secsession_back_check, NULL, NULL, APR_HOOK_FIRST + 1);
    ap_hook_header_parser(secsession_harden_check, NULL, NULL, APR_HOOK_FIRST + 1);
    ap_hook_header_parser(secsession_cookies_apply, NULL, NULL, APR_HOOK_FIRST + 2);
    ap_hook_check_access(secsession_modsession_check, NULL, NULL, APR_HOOK_LAST,
                         AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_access_ex(secsession_claim_admit, NULL, NULL, APR_HOOK_LAST,
                            AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(secsession_caches_note_user, NULL, NULL, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(secsession_adopt_prepare, NULL, NULL, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(secsession_modsession_prepare, NULL, NULL, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    /* This must run after the hook of mod_ssl, which refuses credentials that pretend to come from
     * a client certificate, and before those of other AuthTypes, which need not see the request. */
    ap_hook_check_authn(secsession_authn_check, NULL, NULL, APR_HOOK_FIRST + 1,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(secsession_authn_check_right, NULL, NULL, APR_HOOK_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_note_auth_failure(secsession_authn_note_failure, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(secsession_claim_note, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(secsession_adopt_fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(secsession_environment_fixup, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(secsession_cookies_apply_late, NULL, NULL, APR_HOOK_FIRST + 1);
    ap_hook_fixups(secsession_forward_fixup, NULL, NULL, APR_HOOK_FIRST + 2);
    ap_hook_fixups(secsession_caches_fixup, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(secsession_words_prepare, NULL, NULL, APR_HOOK_LAST);
    ap_hook_fixups(secsession_interim_prepare, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_filter(secsession_modsession_insert, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_error_filter(secsession_modsession_insert, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_filter(secsession_trailers_insert, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_filter(secsession_flight_insert, NULL, NULL, APR_HOOK_LAST);
    ap_hook_insert_filter(secsession_response_note_handler, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_filter(secsession_response_insert, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_error_filter(secsession_response_insert, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(secsession_environment_settle, NULL, NULL, APR_HOOK_REALLY_FIRST - 1);
    /* httpd changes to another protocol in a handler that is REALLY_FIRST. */
    ap_hook_handler(secsession_arrive_give_back, NULL, NULL, APR_HOOK_REALLY_FIRST - 1);
    /* The hooks of mod_cache are at APR_HOOK_FIRST and APR_HOOK_REALLY_FIRST. */
    ap_hook_quick_handler(secsession_caches_pass_by_early, NULL, NULL, APR_HOOK_FIRST - 1);
    ap_hook_quick_handler(secsession_caches_go_on_early, NULL, NULL, APR_HOOK_FIRST + 1);
    ap_hook_handler(secsession_caches_pass_by, NULL, NULL, APR_HOOK_REALLY_FIRST - 1);
    ap_hook_handler(secsession_caches_go_on, NULL, NULL, APR_HOOK_REALLY_FIRST + 1);
    ap_hook_handler(secsession_modsession_prepare_login, NULL, NULL, APR_HOOK_REALLY_FIRST + 2);
    ap_hook_handler(secsession_logout_guard_form, NULL, NULL, APR_HOOK_FIRST);
    /* Our pages come after secsession_caches_go_on, so that they see the true method. */
    ap_hook_handler(secsession_handler_run, NULL, NULL, APR_HOOK_REALLY_FIRST + 2);
    ap_hook_handler(secsession_tunnel_prepare, NULL, NULL, APR_HOOK_FIRST - 1);
    ap_hook_handler(secsession_nph_refuse, NULL, NULL, APR_HOOK_FIRST - 1);
    /* httpd's own handler for files is REALLY_LAST. */
    ap_hook_handler(secsession_caches_note_file, NULL, NULL, APR_HOOK_REALLY_LAST - 1);
    ap_hook_log_transaction(secsession_arrive_take_back, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* A request that httpd refused while reading it (400, 417) has not come to post_read_request,
     * but it is logged. */
    ap_hook_log_transaction(secsession_arrive, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(secsession) = { STANDARD20_MODULE_STUFF,
                                  secsession_config_create_location,
                                  secsession_config_merge_location,
                                  secsession_config_create_server,
                                  secsession_config_merge_server,
                                  secsession_directives,
                                  register_hooks,
                                  0 };
