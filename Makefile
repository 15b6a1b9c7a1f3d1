# Short names for everyday tasks. The work itself is in crates/devstack and scripts/.
.DEFAULT_GOAL := help
.PHONY: help up down reset status logs demo test check bench migrate openapi devstack

BUILT := $(or $(CARGO_TARGET_DIR),target)/debug
DEVSTACK := $(BUILT)/devstack

help: ## Show this list
	@echo 'Cyber Store. Variables come after the name: make logs SERVICE=order'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start whatever is not running (STACK=native|compose, REPLICAS=2)
	@scripts/preflight up
	@cargo build --workspace --bin devstack
	@$(DEVSTACK) up

down: devstack ## Stop everything, keep the data
	@$(DEVSTACK) down

reset: devstack ## Stop everything and remove the data
	@$(DEVSTACK) reset

status: devstack ## Show what runs, where, since when, and whether it is ready
	@$(DEVSTACK) status

logs: devstack ## Show the end of the logs, by time (SERVICE=order, LINES=200, FOLLOW=1)
	@$(DEVSTACK) logs --lines $(or $(LINES),200) $(if $(FOLLOW),--follow) $(SERVICE)

demo: ## Show the main job on the running stack; starts it when needed (DATA=file)
	@scripts/preflight up
	@cargo build --workspace --bin devstack
	@$(DEVSTACK) demo

test: ## Run every test against its own PostgreSQL, Redis and Kafka (ARGS='-p order')
	@scripts/preflight test
	@cargo test --workspace --no-run
	@$(DEVSTACK) test -- cargo test $(or $(ARGS),--workspace)

check: ## Format, lints, documentation, tests: what CI runs
	@scripts/preflight test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	@$(MAKE) --no-print-directory test ARGS='--workspace --no-fail-fast'

bench: ## Measure; the figures go to docs/performance.md (QUICK=1, COMPARE=1)
	@scripts/preflight test
	@scripts/bench

migrate: devstack ## Run every service's migrations against the running stack
	@$(DEVSTACK) migrate

openapi: ## Write docs/openapi and docs/asyncapi from the code
	@scripts/preflight build
	@scripts/openapi

devstack:
	@scripts/preflight build
	@cargo build --quiet --workspace --bin devstack
