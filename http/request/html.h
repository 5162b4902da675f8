/* What our pages have in common: plain, accessible HTML that works on a phone and without scripts. For
 * page.c and sessions.c. */
#ifndef SECSESSION_HTML_H
#define SECSESSION_HTML_H

#include <httpd.h>

#define SECSESSION_POLICY "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
#define SECSESSION_OWN_POLICY "default-src 'none'; style-src 'unsafe-inline'" SECSESSION_POLICY

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

/* Type, policy, and whatever else keeps a page of ours from being stored, framed or guessed at. */
void secsession_page_set_headers(request_rec *r, const char *policy);

#endif
