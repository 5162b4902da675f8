# make, make check, make demo; make help lists the rest. The module itself is described in
# modules.mk.

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
.SECONDEXPANSION:

include modules.mk

BUILD  = build
PREFIX = /usr/local
MODULE = $(BUILD)/mod_secsession.so
# A test waits for a third of its time.
JOBS  := $(shell expr $$(nproc) + 1)
TESTS  =

# make V=1 shows the commands.
QUIET = $(if $(V),,@)
SAY   = @$(if $(V),:,printf '%-8s %s\n')

LIBEXECDIR = $(shell $(APXS) -q LIBEXECDIR)
SYSCONFDIR = $(shell $(APXS) -q SYSCONFDIR)

PACKAGES = gcc libc6-dev apache2-bin apache2-dev libapr1-dev libaprutil1-dev libaprutil1-dbd-pgsql \
           libpq-dev libssl-dev libjansson-dev postgresql perl php-fpm util-linux
# Ubuntu has a browser as a snap only: there its test is skipped.
TESTERS  = libcmocka-dev curl valgrind spin openssl libapache2-mod-auth-openidc iproute2 nftables \
           $(shell grep -qs '^ID=debian' /etc/os-release && echo chromium chromium-driver)
# Applications that the tests protect, unpacked and not installed, and what they need.
APPS        = dokuwiki mediawiki mediawiki-classes cgit nagios4-cgi nagios4-common nagios4-core \
              slapd libltdl7 libwrap0 libodbc2 wordpress libjs-cropper php-getid3 $(PHPMYADMIN) \
              $(ROUNDCUBE) zabbix-frontend-php zabbix-server-pgsql tomcat10 tomcat10-common \
              tomcat10-admin tomcat10-examples libtomcat10-java libeclipse-jdt-core-java \
              python3-django python3-asgiref python3-sqlparse python3-tz
PHPMYADMIN  = phpmyadmin php-composer-ca-bundle php-fig-http-message-util php-google-recaptcha \
              php-mariadb-mysql-kbs php-nikic-fast-route php-phpmyadmin-motranslator \
              php-phpmyadmin-shapefile php-phpmyadmin-sql-parser php-psr-cache php-psr-container \
              php-psr-http-factory php-psr-http-message php-psr-log php-slim-psr7 \
              php-symfony-cache php-symfony-cache-contracts php-symfony-config \
              php-symfony-dependency-injection php-symfony-deprecation-contracts \
              php-symfony-expression-language php-symfony-filesystem php-symfony-polyfill-php80 \
              php-symfony-service-contracts php-symfony-var-exporter php-twig \
              php-twig-i18n-extension php-webmozart-assert
ROUNDCUBE   = roundcube-core roundcube-sqlite3 dovecot-core dovecot-imapd libexttextcat-2.0-0 \
              liblua5.4-0 php-auth-sasl php-getallheaders php-guzzlehttp-guzzle \
              php-guzzlehttp-promises php-guzzlehttp-psr7 php-mail-mime php-masterminds-html5 \
              php-net-sieve php-net-smtp php-net-socket php-pear php-psr-http-client \
              libjs-bootstrap4 libjs-codemirror libjs-jquery-minicolors libjs-jquery-ui \
              libjs-jstimezonedetect
APP_TESTERS = php-bcmath php-gd php-intl php-ldap php-mbstring php-mysql php-pgsql php-phpseclib \
              php-sqlite3 php-xml liblua5.1-0 libgd3 git jupyter-notebook mariadb-client-core \
              mariadb-server-core python3 subversion libapache2-mod-svn
LINTERS  = clang-format clang-tidy cppcheck shellcheck

LINKING  = -shared -Wl,-z,relro,-z,now,-z,noexecstack
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
           -fno-omit-frame-pointer

MODULE_OBJECTS  = $(OBJECTS:%=$(BUILD)/obj/%)
SESSION_OBJECTS = $(filter $(BUILD)/obj/session/%,$(MODULE_OBJECTS))
UNITS           = $(patsubst t/%.c,$(BUILD)/%,$(wildcard t/unit/test_*.c))
C_FILES         = $(wildcard *.c http/*/*.[ch] session/*.[ch] store/*.[ch] bench/*.[ch] \
                              t/unit/*.[ch] t/fuzz/*.[ch] t/stress/*.[ch])
SHELL_SCRIPTS   = .ci/run .ci/deps conf/demo/run t/model/search t/postgres/fetch

.PHONY: all
all: $(MODULE) ## builds build/mod_secsession.so

$(MODULE): $(MODULE_OBJECTS)
	$(SAY) link $@
	$(QUIET)$(CC) $(CFLAGS) $(LDFLAGS) $(LINKING) -o $@ $^ $(LIBRARIES)

$(BUILD)/obj/%.o: %.c Makefile modules.mk
	@mkdir -p $(@D)
	$(SAY) compile $<
	$(QUIET)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(MODULE_OBJECTS:.o=.d)

# A unit test is linked with all of session/, and with what its line "links: http/parse/target.c"
# names.
links_of = $(patsubst %.c,$(BUILD)/obj/%.o,\
             $(shell sed -n 's|^.*[[:space:]]links: *\([^*]*\).*|\1|p' t/unit/$(1).c))

$(BUILD)/unit/%: t/unit/%.c $$(SESSION_OBJECTS) $$(call links_of,$$*) Makefile modules.mk
	@mkdir -p $(@D)
	$(SAY) compile $<
	$(QUIET)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP $(LDFLAGS) -o $@ \
	    $(filter %.c %.o,$^) -lapr-1 -laprutil-1 -lcmocka -lcrypto -lpq -ljansson

-include $(UNITS:%=%.d)

.PHONY: units
units: $(UNITS)

.PHONY: deps
deps: ## installs the Debian packages that are missing
	@.ci/deps $(PACKAGES)

.PHONY: test-deps
test-deps:
	@.ci/deps $(PACKAGES) $(TESTERS)

.PHONY: check
check: test-deps ## installs what is missing, builds, runs every test or TESTS='t/10-login.t'
	@$(MAKE) --no-print-directory all units
	@t/lib/run --jobs $(JOBS) $(TESTS)

.PHONY: check-apps
check-apps: test-deps ## tests with real applications from Debian packages
	@.ci/deps $(APP_TESTERS)
	@command -v npm >/dev/null || .ci/deps npm
	@command -v java >/dev/null || .ci/deps default-jre-headless
	@$(MAKE) --no-print-directory all $(BUILD)/express/node_modules
	@t/apps/unpack $(BUILD)/apps $(APPS)
	@t/lib/run --jobs $(JOBS) $(or $(TESTS),$(wildcard t/apps/*.t))

$(BUILD)/express/node_modules: t/apps/express/package-lock.json
	@mkdir -p $(@D)
	@cp t/apps/express/package.json $< $(@D)
	$(SAY) npm $@
	$(QUIET)npm ci --silent --prefix $(@D)
	@touch $@

# What the database decides, with the servers of t/postgres/versions: make check has the one that is
# installed, in Debian 12 PostgreSQL 15. Side by side, and the longest first.
POSTGRES_TESTS = t/62-cache.t t/62-feed.t t/40-invariants.t t/50-database-trouble.t \
                 t/55-rotation.t $(wildcard t/2?-*.t)

.PHONY: check-postgres
check-postgres: test-deps ## the database's tests with PostgreSQL 16, 17 and 18, from npm
	@command -v npm >/dev/null || .ci/deps npm
	@$(MAKE) --no-print-directory all
	@folders=$$(t/postgres/fetch $(CURDIR)/$(BUILD)/postgres) && \
	    t/lib/run --jobs $(JOBS) $$(printf -- '--postgres %s ' $$folders) \
	        $(or $(TESTS),$(POSTGRES_TESTS))

.PHONY: check-asan
check-asan: test-deps ## the tests again, under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=build/asan CFLAGS='$(SANITIZE)' all units
	@ASAN_OPTIONS=detect_leaks=0 SECSESSION_MODULE=$(CURDIR)/build/asan/mod_secsession.so \
	    t/lib/run --asan --jobs $(JOBS) $(TESTS)

# A fuzz target is linked with what its line "links: http/parse/text.c" names: for libFuzzer, or, as
# t/05-fuzz-corpus.t says it, with the program that runs it over its files in t/fuzz/corpus.
FUZZ_CC    = clang
FUZZ_WITH  = -fsanitize=fuzzer
SECONDS    = 60
FUZZ       = $(patsubst t/%.c,$(BUILD)/%,$(wildcard t/fuzz/fuzz_*.c))
fuzz_links = $(shell sed -n 's|.*[[:space:]]links: *\([^*]*\).*|\1|p' t/fuzz/$(1).c)

$(BUILD)/fuzz/%: t/fuzz/%.c $$(call fuzz_links,$$*) $(filter %.h,$(C_FILES)) Makefile modules.mk
	@mkdir -p $(@D)
	$(SAY) compile $<
	$(QUIET)$(FUZZ_CC) $(ALL_CFLAGS) $(SANITIZE) -U_FORTIFY_SOURCE $(LDFLAGS) -o $@ \
	    $(filter %.c,$^) $(FUZZ_WITH) -lcrypto -lapr-1 -ljansson

.PHONY: fuzz
fuzz: ## fuzzes each parser for SECONDS=60; what is found stays in build/fuzz
	@.ci/deps $(PACKAGES) clang libclang-rt-dev
	@$(MAKE) --no-print-directory CFLAGS= $(FUZZ)
	@for program in $(FUZZ); do \
	    name=$${program##*/fuzz_}; mkdir -p $(BUILD)/fuzz/corpus/$$name; \
	    $$program -max_total_time=$(SECONDS) -timeout=10 -artifact_prefix=$$program- \
	        -print_final_stats=1 $(BUILD)/fuzz/corpus/$$name t/fuzz/corpus/$$name || exit 1; \
	done

.PHONY: lint
lint: ## what t/lint/documents checks, the linters of C and shell, and the format
	t/lint/documents
	@.ci/deps $(PACKAGES) $(TESTERS) $(LINTERS)
	shellcheck $(SHELL_SCRIPTS)
	clang-format --dry-run -Werror $(C_FILES)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
	    --inline-suppr --suppress=missingIncludeSystem -I. $(OBJECTS:.o=.c)
	printf '%s\n' $(OBJECTS:.o=.c) | xargs -P $(JOBS) -I '{}' \
	    clang-tidy --quiet '{}' -- -std=c11 $(DEFINES) $(INCLUDES) 2>&1 | \
	    { ! grep -v '^[0-9]* warnings\{0,1\} generated\.$$'; }

.PHONY: format
format: ## formats the C files
	@.ci/deps clang-format
	clang-format -i $(C_FILES)

.PHONY: install
install: all ## installs the module, its SQL, and on Debian secsession.load and secsession.conf
	install -d '$(DESTDIR)$(LIBEXECDIR)' \
	    $(addprefix '$(DESTDIR)$(PREFIX)/share/mod_secsession/,sql' admin')
	install -m 644 $(MODULE) '$(DESTDIR)$(LIBEXECDIR)/mod_secsession.so'
	install -m 644 store/install.sql '$(DESTDIR)$(PREFIX)/share/mod_secsession/'
	install -m 644 store/sql/*.sql '$(DESTDIR)$(PREFIX)/share/mod_secsession/sql/'
	install -m 644 $(wildcard store/admin/*.sql) \
	    '$(DESTDIR)$(PREFIX)/share/mod_secsession/admin/'
	@if [ -e /etc/debian_version ] && [ '$(SYSCONFDIR)' = /etc/apache2 ]; then \
	    $(MAKE) --no-print-directory install-debian; \
	else \
	    echo 'add to httpd.conf:' \
	        'LoadModule secsession_module $(LIBEXECDIR)/mod_secsession.so'; \
	fi

# An administrator's own secsession.conf is kept, and so are the keys. A package has none: they are
# made on the machine on which it is installed.
.PHONY: install-debian
install-debian:
	install -d '$(DESTDIR)$(SYSCONFDIR)/mods-available'
	printf '%s\n' '# Depends: authn_core authz_core authz_user' \
	    'LoadModule secsession_module $(LIBEXECDIR)/mod_secsession.so' \
	    > '$(DESTDIR)$(SYSCONFDIR)/mods-available/secsession.load'
	[ -e '$(DESTDIR)$(SYSCONFDIR)/mods-available/secsession.conf' ] || \
	    install -m 644 conf/secsession.conf '$(DESTDIR)$(SYSCONFDIR)/mods-available/'
	[ -n '$(DESTDIR)' ] || [ -e '$(SYSCONFDIR)/secsession-keys' ] || \
	    (umask 077; echo "1 $$(head -c 32 /dev/urandom | base64)" \
	        > '$(SYSCONFDIR)/secsession-keys')

.PHONY: demo
demo: deps ## starts a private httpd and PostgreSQL with a CGI and a PHP application behind sessions
	@$(MAKE) --no-print-directory all
	@conf/demo/run start

.PHONY: demo-stop
demo-stop: ## stops the demo
	@conf/demo/run stop

.PHONY: clean
clean: demo-stop ## removes everything that was made
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
