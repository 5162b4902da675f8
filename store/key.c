/* Keys as store/sql/230-tell-servers.sql makes them. */
#include "store/key.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

secsession_key_t secsession_key_of_session(const char *id)
{
    char digits[17];
    int n = 0;

    for (const char *c = id; *c && n < 16; c++) {
        if (*c != '-') {
            digits[n++] = *c;
        }
    }
    digits[n] = '\0';
    return strtoull(digits, NULL, 16);
}

int secsession_key_of_user(const char *user, secsession_key_t *key)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int done = EVP_Digest(user, strlen(user), digest, NULL, EVP_sha256(), NULL) == 1;

    *key = 0;
    for (int i = 0; i < 8; i++) {
        *key = *key << 8 | digest[i];
    }
    return done;
}
