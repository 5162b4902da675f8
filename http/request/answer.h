/* How we answer ourselves: the fields and the frame of every page of ours. */
#ifndef SECSESSION_ANSWER_OURS_H
#define SECSESSION_ANSWER_OURS_H

#include <httpd.h>

/* Content-Security-Policy of our pages: plain HTML that needs its inline style and nothing else. A
 * site's own page may load its own style and images. */
#define SECSESSION_POLICY "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
#define SECSESSION_OWN_POLICY "default-src 'none'; style-src 'unsafe-inline'" SECSESSION_POLICY

/* A whole page, which works on a phone and without scripts. */
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

/* Marks an answer as not to be stored by any cache. */
void secsession_answer_no_store(request_rec *r);

/* 503 with Retry-After: the database gave no answer (never another status: I4). */
int secsession_answer_unavailable(request_rec *r);

/* 303 to `target`, not to be stored. */
int secsession_answer_see_other(request_rec *r, const char *target);

/* What a page of ours does with a method that is neither GET nor POST: 405 with Allow; OPTIONS
 * is left to httpd. */
int secsession_answer_other_method(request_rec *r);

/* Type, policy, and whatever else keeps a page of ours from being stored, framed or guessed at. */
void secsession_answer_set_page_headers(request_rec *r, const char *policy);

#endif
