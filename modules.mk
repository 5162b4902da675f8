# How mod_secsession.so is built: objects in the order of dependency (http → session → store), flags, libraries.

APXS ?= $(firstword $(wildcard /usr/bin/apxs2 /usr/bin/apxs) apxs)
CC    = $(shell $(APXS) -q CC 2>/dev/null || echo cc)

OBJECTS = mod_secsession.o \
          http/config.o http/directives.o http/arguments.o http/arguments_app.o http/arguments_account.o http/stores.o http/eventlog.o http/context.o \
          http/cookie.o http/identity.o http/authn.o http/authz.o http/response.o http/bind.o http/address.o http/rotate.o http/login.o \
          http/logout.o http/sessions.o http/handler.o http/password.o http/stamp.o http/record.o http/page.o http/form.o http/multipart.o http/tee.o \
          http/vault.o http/applogin.o http/adopt.o http/modsession.o http/credentials.o http/guard.o http/forward.o http/tunnel.o \
          http/target.o http/text.o http/kept.o http/setcookie.o http/url.o http/harden.o \
          http/harden_arguments.o http/fields.o \
          session/token.o session/policy.o session/jar.o session/date.o session/seal.o session/stamp.o session/set_cookie.o \
          store/store.o store/kept.o store/own.o store/cache.o store/slot.o store/entry.o store/key.o \
          store/jars.o store/lookups.o store/vault.o store/feed.o store/urgent.o store/listener.o store/message.o store/answer.o store/dbd.o store/pool.o \
          store/connection.o store/trouble.o

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wno-unused-parameter -Werror
# The path of a request leads through many small files, and to httpd and APR: what is not jumped is saved.
CFLAGS  ?= -O2 -g -flto=auto -fno-plt
INCLUDES = -I. -isystem $(shell $(APXS) -q INCLUDEDIR) \
           $(addprefix -isystem ,$(patsubst -I%,%,$(filter -I%,$(shell $$($(APXS) -q APR_CONFIG) --includes) $(shell $$($(APXS) -q APU_CONFIG) --includes)))) \
           -isystem $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
DEFINES  = $(filter -D%,$(shell $$($(APXS) -q APR_CONFIG) --cppflags)) -D_GNU_SOURCE
ALL_CFLAGS = -std=c11 -fPIC -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
             $(CFLAGS) $(WARNINGS) $(DEFINES) $(INCLUDES)
LIBRARIES = -lpq -lcrypto
