/* One name for each user. */
#include "http/request/name.h"

#include "http/parse/text.h"

const char *secsession_name(const secsession_here_t *here, const char *text)
{
    return secsession_text_user(here->r->pool, text, here->server->lowercase == 1);
}

/* Most names are written as they are, so that nothing needs to be allocated. */
int secsession_name_is(const secsession_here_t *here, const char *text, const char *user)
{
    const char *name = strcmp(text, user) == 0 ? user : secsession_name(here, text);

    return name != NULL && strcmp(name, user) == 0;
}
