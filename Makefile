# Sheaf. `make help` lists the targets; build/<mode>/ holds everything that is made:
# objects under obj/, beside them the archives and the programs (a program is named like its folder).
SERVICES := gateway dispatcher ocr-svc llm-svc persist-svc notify-svc
PROGRAMS := $(SERVICES) sheaf wirecat
MODE     ?= release
O        := build/$(MODE)

# What each program needs besides lib's own libraries; `make help` does not need any of it.
PKG_lib         := jansson libczmq libzmq hiredis libcurl openssl
PKG_gateway     := jansson hiredis libcurl openssl
PKG_dispatcher  := jansson libczmq libzmq hiredis libcurl openssl
PKG_ocr-svc     := jansson libczmq libzmq hiredis libcurl openssl poppler-glib lept tesseract libheif
PKG_llm-svc     := jansson libczmq libzmq hiredis libcurl openssl
PKG_persist-svc := jansson libczmq libzmq hiredis libcurl openssl sqlite3 libpq zlib
PKG_notify-svc  := jansson libczmq libzmq hiredis libcurl openssl
PKG_sheaf       := jansson hiredis libcurl openssl
PKG_wirecat     := jansson
PKG_tests       := $(PKG_lib) cmocka sqlite3 libpq
LIBS_gateway     := -lcivetweb
LIBS_persist-svc := -lcivetweb
LIBS_ocr-svc     := -lgomp

CC       ?= cc
WARN     := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wvla -Wwrite-strings $(if $(ERR),-Werror)
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
CFLAGS_debug   := -O0 -fPIE
CFLAGS_asan    := -O1 -fPIE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -fPIE -fsanitize=thread
CFLAGS_faults  := -O1 -fPIE -DSHEAF_FAULTS
LDFLAGS_release := -pie -Wl,-z,relro,-z,now
LDFLAGS_debug   := -pie
LDFLAGS_asan    := -pie -fsanitize=address,undefined
LDFLAGS_tsan    := -pie -fsanitize=thread
LDFLAGS_faults  := -pie
CFLAGS_ALL  = -std=gnu17 -g $(WARN) -I. $(CFLAGS_$(MODE)) $(CFLAGS) -MMD -MP
pkg_cflags  = $(if $(1),$(shell pkg-config --cflags $(1)))
pkg_libs    = $(if $(1),$(shell pkg-config --libs $(1)))
# Everything is compiled with the union of the include paths (few, and worked out once).
INCLUDES   := $(filter-out -I/usr/include/hiredis,$(call pkg_cflags,$(sort $(PKG_lib) $(PKG_ocr-svc) sqlite3 libpq)))

# One word a step; the whole command with V=1.
say = $(if $(V),,@printf '  %-5s%s\n' $(1) $@;)

sources = $(wildcard $(1)/*.c $(1)/providers/*.c)
objects = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB_OBJ   := $(call objects,$(call sources,lib))
PROTO_OBJ := $(call objects,$(filter-out proto/wirecat.c,$(call sources,proto)))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all provider-calls help deps demo run test unit unit-programs fault-programs bench bench-programs system model chaos accuracy accuracy-set hostile check asan tsan clean \
        clean-data $(PROGRAMS)

all: $(addprefix $(O)/,$(PROGRAMS)) ## build every program into build/<MODE> (MODE=release, debug, asan, tsan)

$(O)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,cc) $(CC) $(CFLAGS_ALL) $(INCLUDES) -c -o $@ $<
# Files that are built into a binary by lib/embed.h.
$(O)/obj/lib/scripts.o $(O)/obj/lib/throttle.o $(O)/obj/notify-svc/claim.o $(O)/obj/llm-svc/batch_schools.o: $(wildcard proto/redis/*.lua)
$(O)/obj/lib/form.o: $(wildcard lib/forms/*.json)
$(O)/obj/ocr-svc/providers/tesseract.o: ocr-svc/hand/hand.traineddata
$(O)/obj/ocr-svc/letters.o: ocr-svc/letters/letters.model
$(O)/obj/llm-svc/lexicon.o: $(wildcard llm-svc/words/*)
$(O)/obj/gateway/web.o: $(wildcard gateway/web/*)
$(O)/obj/persist-svc/providers/sqlite_schema.o: $(wildcard persist-svc/migrations/*)
$(O)/obj/persist-svc/providers/postgres_schema.o: $(wildcard persist-svc/migrations/postgres/*)

$(O)/libproto.a: $(PROTO_OBJ)
	@rm -f $@ && ar rcs $@ $^
$(O)/libsheaf.a: $(LIB_OBJ)
	@rm -f $@ && ar rcs $@ $^

define program
$(1): $(O)/$(1)
$(O)/$(1): $(call objects,$(2)) $(O)/libsheaf.a $(O)/libproto.a
	$$(call say,link) $$(CC) $$(LDFLAGS_$(MODE)) $$(LDFLAGS) -o $$@ $$^ -Wl,--as-needed $$(call pkg_libs,$(PKG_$(1))) $(LIBS_$(1)) -lpthread -lm
endef
$(foreach s,$(SERVICES),$(eval $(call program,$(s),$(call sources,$(s)))))
$(eval $(call program,sheaf,$(call sources,cli)))
$(eval $(call program,wirecat,proto/wirecat.c))

# Unit tests: tests/unit/<folder>/<module>_test.c, linked with lib, proto and the objects of its service
# without main.o.  A stamp per test, so that only what changed runs again.
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
UNIT     := $(patsubst %.c,$(O)/%,$(UNIT_SRC))
svc_of    = $(filter $(SERVICES) cli,$(word 3,$(subst /, ,$(1))))
define unit_test
$(O)/$(1:.c=): $(O)/obj/$(1:.c=.o) $$(filter-out %/main.o,$$(if $(call svc_of,$(1)),$$(call objects,$$(call sources,$(call svc_of,$(1)))))) $(O)/libsheaf.a $(O)/libproto.a
	@mkdir -p $$(@D)
	$$(call say,link) $$(CC) $$(LDFLAGS_$(MODE)) $$(LDFLAGS) -o $$@ $$^ -Wl,--as-needed $$(call pkg_libs,$(PKG_tests) $(PKG_$(call svc_of,$(1)))) $(LIBS_$(call svc_of,$(1))) -lpthread -lm
$(O)/$(1:.c=.ok): $(O)/$(1:.c=)
	$$< && touch $$@
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_test,$(t))))

# What `make bench` measures with: tests/bench/<program>.c, each with bench.c, lib and proto.
BENCH := $(addprefix $(O)/tests/bench/,step-svc load bare http)
BENCH_PAGES := $(O)/tests/bench/bare-pages
$(BENCH): $(O)/tests/bench/%: $(O)/obj/tests/bench/%.o $(O)/obj/tests/bench/bench.o $(O)/libsheaf.a $(O)/libproto.a
	@mkdir -p $(@D)
	$(call say,link) $(CC) $(LDFLAGS_$(MODE)) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(call pkg_libs,$(PKG_lib)) -lpthread -lm

$(BENCH_PAGES): $(O)/obj/tests/bench/bare-pages.o $(O)/obj/tests/bench/bench.o $(filter-out %/main.o,$(call objects,$(call sources,ocr-svc))) $(O)/libsheaf.a $(O)/libproto.a
	$(call say,link) $(CC) $(LDFLAGS_$(MODE)) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(call pkg_libs,$(PKG_ocr-svc)) $(LIBS_ocr-svc) -lpthread -lm

bench-programs: $(BENCH) $(BENCH_PAGES)
bench: ## measure: engine, latency, memory, pages, start-up, peers (ONLY=part,… JSON=FILE TWICE=1 REALTIME=1)
	@$(MAKE) -s -j2 all bench-programs
	@TESTS_BUILD=$(O) tests/bench/run.py $(if $(JSON),--json $(JSON)) $(if $(ONLY),--only $(ONLY)) $(if $(TWICE),--twice) $(if $(REALTIME),--realtime)

unit: $(UNIT:=.ok) ## run the unit tests that are not up to date
unit-programs: $(UNIT)
# Test builds that end themselves at a named point (lib/fault.h).
fault-programs:
	@$(MAKE) -s MODE=faults dispatcher gateway persist-svc notify-svc

# Programs that call a provider very often, linked like the unit tests of their service.
LOAD := $(patsubst %.c,$(O)/%,$(wildcard tests/load/*_calls.c))
define load_program
$(1): $(1:$(O)/%=$(O)/obj/%.o) $$(filter-out %/main.o,$$(call objects,$$(call sources,$(2)))) $(O)/libsheaf.a $(O)/libproto.a
	@mkdir -p $$(@D)
	$$(call say,link) $$(CC) $$(LDFLAGS_$(MODE)) $$(LDFLAGS) -o $$@ $$^ -Wl,--as-needed $$(call pkg_libs,$(PKG_lib) $(PKG_$(2))) $(LIBS_$(2)) -lpthread -lm
endef
$(foreach p,$(LOAD),$(eval $(call load_program,$(p),$(patsubst %_calls,%,$(notdir $(p))))))

provider-calls: $(LOAD) ## N=100000 calls to the fakes of all that is called, by the providers' own code: does anything grow?
	@TESTS_BUILD=$(O) tests/load/run.py

deps: ## install what is missing to build and to run (Debian packages)
	@tests/deps.sh build

demo: deps ## the main job: build, start everything, upload the sample forms, show the records (ONCE=1: then stop)
	@$(MAKE) -s -j2 all
	@cli/demo.sh $(O)

run: deps all ## the stack alone, empty, until Ctrl-C
	@$(O)/sheaf up

test: ## install what is missing, build, run all tests; ends with "N passed, N failed"
	@tests/deps.sh test
	@$(MAKE) -s -j2 all unit-programs fault-programs
	@TESTS_BUILD=$(O) tests/run.py

system: all fault-programs ## the system tests alone
	@TESTS_BUILD=$(O) tests/run.py system

model: ## check the protocol's model with spin (proto/model), and that each check in it is needed
	@tests/deps.sh test
	@/usr/bin/python3 -m pytest -q -s -p no:cacheprovider tests/system/test_model.py

asan: ## unit and system tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) -s -j2 MODE=asan all unit-programs fault-programs
	@TESTS_BUILD=build/asan TESTS_SLOW=4 tests/run.py unit system

# The dispatcher with scripted workers, whole stacks, and what of lib runs on several threads.
TSAN_TESTS := unit $(addprefix tests/system/,test_dispatcher.py test_redis_trouble.py test_lost_replies.py)
tsan: ## the dispatcher and the worker loop under ThreadSanitizer
	@$(MAKE) -s -j2 MODE=tsan all $(addprefix build/tsan/tests/unit/live/,stage_live_test redis_live_test bus_live_test blob_live_test)
	@TSAN_OPTIONS=suppressions=$(CURDIR)/tests/sanitizers/tsan.supp TESTS_BUILD=build/tsan TESTS_SLOW=4 tests/run.py $(TSAN_TESTS)

accuracy: ## how well the forms in DIR are read, by the whole stack (DIR holds truth.json; JSON=FILE: the figures for machines)
	@tests/deps.sh accuracy
	@$(MAKE) -s -j2 all
	@TESTS_BUILD=$(O) tests/accuracy/accuracy.py "$(DIR)" $(if $(JSON),--json "$(JSON)")

accuracy-set: ## make a set of filled-in forms with their truth in DIR (ENTRIES=320 SEED=1; HANDS=debian: without the seven hands more, which npm brings)
	@tests/deps.sh accuracy
	@$(if $(filter debian,$(HANDS)),,[ -d build/hands ] || ocr-svc/hand/fonts.sh tests/accuracy/hands.more build/hands)
	@tests/accuracy/generate.py "$(DIR)" --entries $(or $(ENTRIES),320) --seed $(or $(SEED),1) $(if $(filter debian,$(HANDS)),,--hand-fonts build/hands)

chaos: ## strike a loaded stack at random, then settle the ledger (SEED=1 UPLOADS=10000 FAULTS=n JSON=FILE; tests/chaos/README.md)
	@tests/deps.sh test
	@$(MAKE) -s -j2 all
	@TESTS_BUILD=$(O) /usr/bin/python3 tests/chaos/chaos.py SEED=$(SEED) UPLOADS=$(UPLOADS) FAULTS=$(FAULTS) LEASE=$(LEASE) GAP=$(GAP) SHARDS=$(SHARDS) JSON=$(JSON)

hostile: all ## every broken, odd or heavy document of ../shared/hostile through the whole stack: outcome, seconds, memory
	@TESTS_BUILD=$(O) tests/hostile.py

check: ## layering, settings in the README, formatting of what the tools can see
	@tests/check.py

clean-data: ## remove all local state (var/), after asking
	@printf 'Remove %s with its database, documents and messages? [y/N] ' "$${SHEAF_VAR:-var}"; \
	read answer; [ "$$answer" = y ] && rm -rf "$${SHEAF_VAR:-var}" || echo kept

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

clean: ## remove what was built
	rm -rf build

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
