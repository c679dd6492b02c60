# Two commands do all: `make run` and `make test`. Both install what is missing.

SHELL    := /bin/bash
PACKAGES := gcc g++ libc6-dev libtesseract-dev libleptonica-dev tesseract-ocr-eng tesseract-ocr-ind
# What tests and benchmarks need besides: a PostgreSQL server that they start and stop
# themselves, and curl for the README's calls.
TEST_PACKAGES := postgresql curl ca-certificates
SUDO     := $(if $(filter-out 0,$(shell id -u)),sudo)
# Packages that link Tesseract, and the tests that run the real binary: the race detector
# does not see into C++, and these spend their time there.
OCR      := asprak/infrastructure/ocr asprak/cmd/asprak
# Packages with tests that also run on a real EventStoreDB or S3-compatible storage, where
# ASPRAK_ESDB_TEST_URL or ASPRAK_S3_TEST_URL names one. Of the storage's many tests one stands for all.
REAL     := ./infrastructure/eventstoredb ./infrastructure/blobs ./cmd/asprak
# Tests that tell the share of forgeries caught, attack by attack.
FORGED   := NeverVerified
# The folder with the public corpus (manifest.jsonl, score.py one above) and the rivals' load tool.
CORPUS   ?=
RIVALS   ?=

# How long make fuzz tries each parser.
FUZZTIME ?= 60s

.PHONY: run test forgeries fuzz soak bench bench-large corpus calibrate rivals lint build deps demo clean

run: build
	@exec ./bin/asprak serve

build: deps
	@mkdir -p bin
	@[ -x bin/asprak ] || echo "building; the first time takes a minute or two"
	go build -o bin/asprak ./cmd/asprak

deps:
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@command -v go >/dev/null || { echo "Go is missing: https://go.dev/dl (go.mod names the version)"; exit 1; }

# The whole story against a running server: publish, apply, upload, verdict, override, history.
demo: build
	@./bin/asprak demo

test bench bench-large: PACKAGES += $(TEST_PACKAGES)
test: lint
	go test -race -skip '$(FORGED)' $$(go list ./... | grep -v -x -F $(foreach p,$(OCR),-e $(p)))
	go test -timeout 12m -skip '$(FORGED)' $(OCR)
	@$(MAKE) --no-print-directory forgeries
	@echo "Left out:"; go test -v -run '(OnEachServer|TestPut_Bytes)/RealServer' $(REAL) | grep -e "--- SKIP: .*/" -e "not run against" || echo "  nothing"
	@unshare -Urm true 2>/dev/null || echo "Left out: the test of a full disk, as no file system of its own can be mounted here"

# Forges study results in every known way and prints how many of each were caught.
forgeries: deps
	@set -o pipefail; go test -v -run '$(FORGED)' ./domain/verification ./cmd/asprak | sed -n -e 's/^ *[a-z_]*_test.go:[0-9]*: //' -e '/caught\|verified\|^ok\|FAIL/p'

lint: deps
	@bad=$$(gofmt -l $$(git ls-files -- '*.go' | xargs -r ls -d 2>/dev/null)); [ -z "$$bad" ] || { echo "not gofmt-ed:"; echo "$$bad"; exit 1; }
	go vet ./...

# Tries every parser of foreign bytes with made-up ones. What it finds failing stays in the package's
# testdata/fuzz, where make test tries it again.
fuzz: deps
	@set -e; for p in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
		for f in $$(go test -list '^Fuzz' ./$$p | grep '^Fuzz'); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) ./$$p; \
		done; \
	done

# A thousand mutated documents, and commands beside 300 slow uploads; takes some minutes.
soak: deps
	go test -run '^TestSoak_' -timeout 60m -v ./cmd/asprak -soak

# Appends, follow and projection a second; commands and verdicts over HTTP, also on servers.
bench: deps
	go test -run '^$$' -bench . -skip BenchmarkLarge -benchtime 2s ./infrastructure/embedded ./projections ./cmd/asprak

# Rebuilds, answers meanwhile and growth on a made-up log of so many events; a million take
# half an hour and 20 GB on SQLite, and longer again on PostgreSQL.
EVENTS ?= 1000000
bench-large: deps
	go test -run '^$$' -bench BenchmarkLarge -benchtime 1x -timeout 4h -v ./cmd/asprak -large $(EVENTS)

# Reads the documents of a corpus folder (make corpus CORPUS=DIR) and scores the verdicts.
corpus: build
	@[ -n "$(CORPUS)" ] && [ -f "$(CORPUS)/manifest.jsonl" ] || { echo "make corpus CORPUS=DIR: DIR holds manifest.jsonl and its documents, DIR/../score.py scores; none is there, nothing was measured"; exit 2; }
	./bin/asprak read --cases "$(CORPUS)/manifest.jsonl" --out bin/corpus-results.jsonl
	python3 "$(CORPUS)/../score.py" "$(CORPUS)/manifest.jsonl" bin/corpus-results.jsonl --by form --errors 20

# Derives the confidence from which documents are verified (make calibrate CASES="a/manifest.jsonl b/manifest.jsonl",
# TEST="c/manifest.jsonl" to try it on), into a policy for ASPRAK_POLICY. The built-in one is domain/verification/calibration.json.
OUT      ?= bin/calibration.json
calibrate: build
	@[ -n "$(CASES)" ] || { echo "make calibrate CASES=FILES: files of cases with their right decisions; none is named, nothing was measured"; exit 2; }
	./bin/asprak calibrate $(foreach file,$(CASES),--cases "$(file)") $(foreach file,$(TEST),--test "$(file)") --budget 0.001 --out "$(OUT)"

# Asprak beside the rival implementations in one run (make rivals RIVALS=DIR with load/ and peers/).
rivals: build
	@[ -n "$(RIVALS)" ] && [ -d "$(RIVALS)/peers" ] || { echo "make rivals RIVALS=DIR: DIR holds load/ and peers/; none is there, nothing was measured"; exit 2; }
	cmd/asprak/load/rivals.sh "$(RIVALS)"

clean:
	rm -rf bin
