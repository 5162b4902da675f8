# How mod_secsession.so is built: its objects, flags and libraries.

APXS ?= $(firstword $(wildcard /usr/bin/apxs2 /usr/bin/apxs) apxs)
CC    = $(shell $(APXS) -q CC 2>/dev/null || echo cc)

# From the top floor to the ground: a list holds one room, which is built upon the rooms below it
# alone; within a room, what includes others stands before them (t/01-layout.t).
OBJECTS = mod_secsession.o \
          $(addprefix http/application/, response.o flight.o trailers.o tunnel.o watch.o interim.o \
                                         heads.o words.o recognise.o try.o cookies.o vaulted.o \
                                         tee.o harden.o hardening.o environment.o forward.o \
                                         caches.o nph.o) \
          $(addprefix http/handlers/, handler.o claim.o login.o sessions.o logout.o page.o back.o \
                                      form.o) \
          $(addprefix http/access/, authz.o adopt.o sender.o authn.o guard.o \
                                    refusal.o) \
          $(addprefix http/modsession/, modsession.o state.o credentials.o) \
          $(addprefix http/request/, begin.o rotate.o end.o underway.o current.o several.o \
                                     visit.o address.o arrive.o hop.o name.o reserved.o \
                                     origin.o answer.o context.o navigation.o why.o) \
          $(addprefix http/users/, password.o owner.o stamped.o record.o) \
          $(addprefix http/setup/, stores.o inside.o eventlog.o directives.o directives_app.o \
                                   arguments_app.o arguments_account.o arguments_harden.o \
                                   arguments.o neighbours.o learnt.o config.o) \
          $(addprefix http/parse/, cookie.o head.o multipart.o json.o fields.o attributes.o \
                                   options.o readings.o cachecontrol.o scopes.o target.o text.o \
                                   url.o) \
          $(addprefix store/, own.o vaults.o logins.o \
                              store.o claims.o \
                              feed.o housekeeper.o running.o lookups.o watchman.o vigil.o \
                              listener.o heartbeat.o listening.o ask.o urgent.o turn.o pace.o \
                              dbd.o message.o vault.o \
                              complain.o \
                              acquire.o pool.o cache.o answer.o \
                              background.o \
                              threads.o \
                              execute.o connection.o slot.o jars.o trouble.o \
                              parameters.o entry.o conninfo.o \
                              key.o use.o) \
          $(addprefix session/, claim.o credential.o token.o parcel.o client.o policy.o standing.o \
                                set_cookie.o jar.o date.o seal.o mac.o keys.o stamp.o)

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wno-unused-parameter -Werror
# A request passes through many small files, and through httpd and APR. Link-time optimization and
# -fno-plt save many of the calls between them.
CFLAGS  ?= -O2 -g -flto=auto -fno-plt
INCLUDES = -I. -isystem $(shell $(APXS) -q INCLUDEDIR) \
           $(addprefix -isystem ,$(patsubst -I%,%,$(filter -I%, \
               $(shell $$($(APXS) -q APR_CONFIG) --includes) \
               $(shell $$($(APXS) -q APU_CONFIG) --includes)))) \
           -isystem $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
DEFINES  = $(filter -D%,$(shell $$($(APXS) -q APR_CONFIG) --cppflags)) -D_GNU_SOURCE
ALL_CFLAGS = -std=c11 -fPIC -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
             $(CFLAGS) $(WARNINGS) $(DEFINES) $(INCLUDES)
LIBRARIES = -lpq -lcrypto -ljansson
