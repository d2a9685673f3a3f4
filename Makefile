# Every target is one command that also works without make.
.DEFAULT_GOAL := help
.PHONY: help run test lint verify bench soak

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start a complete demo server on a throw-away folder
	go run ./cmd/keyway demo

test: ## Prove everything, with the real clients and a browser (installs what is missing)
	scripts/test

lint: ## Run golangci-lint (builds it once)
	scripts/lint

verify: ## Check a change while working, in a few minutes: format, vet, lint and the tests on SQLite, without the race detector
	scripts/test format vet lint quick

bench: ## Measure the server beside a bare net/http handler
	go run ./bench

soak: ## Repeat the unit tests in random order under the race detector, and measure that refusals take equal time (SOAK_MINUTES, 30)
	scripts/test soak
