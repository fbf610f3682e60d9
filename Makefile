# `make help` lists what there is. The work is done by scripts in images/ and .ci/; this file says what needs what.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve stop test bench bench-scale bench-compare bench-accuracy bench-overload load soak dashboards pictures images \
	roots fmt clean clean-images engine

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The same suites are run on the native engine without what is Docker's own business, and without the corpus of Java, which takes
# minutes and asks the compiler more than the engine.
NOT_NATIVE := $(addprefix --skip ,runtime:: memory:: precedence:: handoff:: daemon:: disk:: images:: agents:: compiles:: the_engine_confirms_what_was_asked_for \
	what_the_engine_has_forgotten java_is_compiled_the_same)

serve: ## build everything and start the server on 127.0.0.1:8080, in the background
	@.ci/server.sh start

stop: ## stop the server, remove its sandboxes, stop the Docker engine if `make` started it
	@.ci/server.sh stop

test: ## format check, clippy and every test; the Docker suites included
	@.ci/tools.sh build curl faketime prometheus promtool runsc wrk
	cargo fmt --all --check
	@images/build.sh
	@images/roots.sh
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace
	CAISSON_TEST_ENGINE=native cargo test --test adversarial --test armed --test docker --test chaos -- $(NOT_NATIVE)

bench: ## what a job costs besides its own run, on both engines; also as target/bench.json and target/bench.svg; needs root
	@.ci/tools.sh build crun curl
	@images/build.sh
	@images/roots.sh
	cargo bench --bench overhead

bench-scale: ## what 10 to 1000 idle sandboxes cost those that are used, and 1 to 64 clients each other; also as target/scale.json
	@.ci/tools.sh build
	@images/build.sh
	@images/roots.sh
	cargo bench --bench overhead -- scale

bench-compare: ## whether this server is slower than that of BASE, a revision, with the same agent: both in turns; fails if so
	@.ci/tools.sh build
	@images/build.sh
	@images/roots.sh
	@benches/base.sh "$(BASE)"
	cargo bench --bench overhead -- compare "$(CURDIR)/target/base"

bench-accuracy: ## whether reported usage is right, and how far limits are overrun
	@.ci/tools.sh build
	@images/build.sh
	cargo bench --bench accuracy

bench-overload: ## what ten times the load that the machine carries does to who is accepted
	@.ci/tools.sh build
	@images/build.sh
	cargo bench --bench overload

load: ## how many jobs per second this machine carries, reckoned and measured; also as target/capacity.json
	@.ci/tools.sh build
	@images/build.sh
	cargo bench --bench capacity

soak: ## JOBS=20000 jobs with a fault every FAULT_EVERY=30 seconds: nothing lost, wrong, leaked or growing
	@.ci/tools.sh build
	@images/build.sh
	cargo bench --bench soak

dashboards: ## write dashboards/grafana/*.json from dashboards/source/*.toml
	@.ci/tools.sh build
	DASHBOARDS=write cargo test --quiet --test operations source::

pictures: ## draw the dashboards of a service at work: dashboards/pictures/*.png, target/dashboards/panels.txt
	@.ci/tools.sh build curl prometheus rsvg-convert pngquant
	@images/build.sh
	cargo test --test operations every_panel_and_every_rule
	@for board in overview language pool-and-engine; do \
	    rsvg-convert "target/dashboards/$$board.svg" | \
	        pngquant --speed 1 --strip 64 - >"dashboards/pictures/$$board.png" || exit 1; \
	done

images: ## build the images of the languages that are out of date
	@.ci/tools.sh build
	@images/build.sh

roots: ## make the root file systems of the languages that are out of date, without Docker; needs root
	@.ci/tools.sh build
	@images/roots.sh

engine: ## see to it that a Docker engine answers: install and start one if need be
	@images/engine.sh ensure

fmt: ## format the Rust code
	cargo fmt --all

clean: stop ## stop what runs and delete what was built, except the images
	cargo clean
	@rm -rf target/run

clean-images: ## delete the images of the languages
	docker image prune --all --force --filter label=caisson.inputs
