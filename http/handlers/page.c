/* The login page and the logout page, and the file with which a site may replace the login page. */
#include "http/handlers/page.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "http/request/answer.h"
#include "http/request/navigation.h"

APLOG_USE_MODULE(secsession);

#define TEMPLATE_LIMIT 65536

#define LOGIN_PAGE(remember)                                                                       \
    PAGE("Log in", "<p role=\"alert\">{{message}}</p>\n"                                           \
                   "<form method=\"post\">\n"                                                      \
                   "<label for=\"username\">User name</label>\n"                                   \
                   "<input id=\"username\" name=\"username\" value=\"{{username}}\""               \
                   " autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\""       \
                   " maxlength=\"255\" required autofocus>\n"                                      \
                   "<label for=\"password\">Password</label>\n"                                    \
                   "<input id=\"password\" name=\"password\" type=\"password\""                    \
                   " autocomplete=\"current-password\" required>\n" remember                       \
                   "<input name=\"return\" type=\"hidden\" value=\"{{return}}\">\n"                \
                   "<input name=\"again\" type=\"hidden\" value=\"{{again}}\">\n"                  \
                   "<button type=\"submit\">Log in</button>\n"                                     \
                   "</form>\n")

static const char LOGIN[] = LOGIN_PAGE("");

static const char LOGIN_REMEMBER[] = LOGIN_PAGE(
    "<p><input id=\"remember\" name=\"remember\" type=\"checkbox\" value=\"1\"> "
    "<label for=\"remember\">Keep me signed in on this device</label></p>\n");

static const char LOGOUT[] = PAGE("Log out",
                                  "<form method=\"post\">\n<p>Do you want to log out?</p>\n"
                                  "<button type=\"submit\">Log out</button>\n</form>\n");

/* A site's own page may load style sheets and images from the same host; ours needs only its inline
 * style. */
static const char SITE_POLICY[] =
    "default-src 'self'; style-src 'self' 'unsafe-inline'" SECSESSION_POLICY;

/* Whether the file that the request maps to is a page. Below a folder that happens to have the URL
 * of the login page there may be programs and files with passwords. */
static int is_page(const request_rec *r)
{
    return r->finfo.filetype == APR_REG && (r->path_info == NULL || *r->path_info == '\0')
           && r->content_type && strcmp(r->content_type, "text/html") == 0;
}

/* The contents of the file that the request maps to, or NULL. */
static const char *read_template(request_rec *r)
{
    apr_file_t *file;
    apr_size_t length = TEMPLATE_LIMIT;
    char *text;
    apr_status_t status;

    if (!is_page(r)) {
        return NULL;
    }
    text = apr_pcalloc(r->pool, TEMPLATE_LIMIT + 1);
    status = apr_file_open(&file, r->filename, APR_READ, APR_OS_DEFAULT, r->pool);
    if (status == APR_SUCCESS) {
        status = apr_file_read_full(file, text, TEMPLATE_LIMIT, &length);
        apr_file_close(file);
    }
    if (status != APR_EOF) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, status, r,
            "SS208: the login page %s cannot be read or is larger than %d bytes: the built-in page "
            "is sent instead",
            r->filename, TEMPLATE_LIMIT);
        return NULL;
    }
    return text;
}

/* Sends `text`, in which each known {{name}} is replaced by its escaped value. */
static void send_filled(request_rec *r, const char *text, const secsession_login_page_t *page)
{
    const struct {
        const char *name;
        const char *value;
    } fields[] = { { "{{message}}", page->message },
                   { "{{username}}", page->user },
                   { "{{return}}", page->target },
                   { "{{again}}", page->again } };
    const apr_size_t count = sizeof(fields) / sizeof(fields[0]);
    const char *at;

    while ((at = strstr(text, "{{")) != NULL) {
        apr_size_t skipped = 2, n = 0;

        while (n < count && strncmp(at, fields[n].name, strlen(fields[n].name)) != 0) {
            n++;
        }
        if (n < count) {
            ap_rwrite(text, (int)(at - text), r);
            skipped = strlen(fields[n].name);
            ap_rputs(ap_escape_html(r->pool, fields[n].value ? fields[n].value : ""), r);
        } else {
            ap_rwrite(text, (int)(at - text) + 2, r);
        }
        text = at + skipped;
    }
    ap_rputs(text, r);
}

int secsession_page_send_login(const secsession_here_t *here, int status,
                               const secsession_login_page_t *page)
{
    request_rec *r = here->r;
    const char *template = read_template(r);
    const char *own = secsession_config_remembered(here->location).absolute > 0 ? LOGIN_REMEMBER
                                                                                : LOGIN;

    r->status = status;
    secsession_answer_set_page_headers(r, template ? SITE_POLICY : SECSESSION_OWN_POLICY);
    send_filled(r, template ? template : own, page);
    return OK;
}

/* The link is relative, and names no path, so that it leads to this page and nowhere else. */
int secsession_page_send_framed(request_rec *r, const char *title, const char *message,
                                int anywhere)
{
    const char *query = secsession_first_request(r)->args;

    secsession_answer_set_frame_headers(r, anywhere);
    ap_rvputs(r, PAGE_HEAD("In this frame"), "<p>", message ? message : "", "</p>\n<p><a href=\"?",
              ap_escape_html(r->pool, query ? query : ""), "\" target=\"_top\">", title,
              "</a></p>\n", PAGE_TAIL, NULL);
    return OK;
}

int secsession_page_send_logout(request_rec *r)
{
    static const secsession_login_page_t nothing;

    if (secsession_navigation_is_framed(r)) {
        return secsession_page_send_framed(r, "Log out", NULL, 0);
    }
    secsession_answer_set_page_headers(r, SECSESSION_OWN_POLICY);
    send_filled(r, LOGOUT, &nothing);
    return OK;
}
