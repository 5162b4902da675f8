/* The responses that this module makes itself: their header fields, and the frame of its pages. */
#ifndef SECSESSION_ANSWER_OURS_H
#define SECSESSION_ANSWER_OURS_H

#include <httpd.h>

/* The Content-Security-Policy of our pages, which are plain HTML and need nothing but their inline
 * style. The first macro is the part that a site's own login page has in common with them. */
#define SECSESSION_POLICY "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
#define SECSESSION_OWN_POLICY "default-src 'none'; style-src 'unsafe-inline'" SECSESSION_POLICY

/* A whole page, which works on a phone and without JavaScript. */
#define PAGE_HEAD(title)                                                                           \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                      \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                   \
    "<title>" title "</title>\n<style>\n"                                                          \
    "body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 22rem; margin: 3rem auto;"          \
    " padding: 0 1rem; color: #1b1b1b; background: #fff; }\n"                                      \
    "label { display: block; margin-top: 1rem; }\n"                                                \
    "input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem;"          \
    " border: 1px solid #595959; border-radius: .25rem; }\n"                                       \
    "[type=checkbox], [type=checkbox] + label { display: inline; width: auto; }\n"                 \
    "button { margin-top: 1.5rem; border: 0; color: #fff; background: #0b5394; cursor: pointer; }" \
    "\n:focus-visible { outline: 3px solid #f0a500; outline-offset: 2px; }\n"                      \
    "[role=alert] { padding: .75rem; border-left: .3rem solid #b00020; background: #fdecea; }\n"   \
    "[role=alert]:empty { display: none; }\n"                                                      \
    "</style>\n</head>\n<body>\n<main>\n<h1>" title "</h1>\n"
#define PAGE_TAIL "</main>\n</body>\n</html>\n"
#define PAGE(title, body) PAGE_HEAD(title) body PAGE_TAIL

/* Tells caches not to store the response. */
void secsession_answer_no_store(request_rec *r);

/* Prepares a 503 with Retry-After and returns the status. This is the answer whenever the database
 * gives none, since then nothing is known about the session (I4). */
int secsession_answer_unavailable(request_rec *r);

/* Prepares a redirect (303) to `target`, which no cache stores, and returns the status. `target`
 * must live as long as the request. */
int secsession_answer_see_other(request_rec *r, const char *target);

/* The answer of our pages to methods other than GET and POST: 405 with Allow. OPTIONS is left to
 * httpd (DECLINED). */
int secsession_answer_other_method(request_rec *r);

/* Sets the header fields of a page of ours: its type, its Content-Security-Policy (`policy`), and
 * those that keep browsers from storing it, framing it or guessing its type. */
void secsession_answer_set_page_headers(request_rec *r, const char *policy);

/* The same for a page that has nothing but links, and may be shown in a frame of our own origin, or
 * `anywhere`. */
void secsession_answer_set_frame_headers(request_rec *r, int anywhere);

#endif
