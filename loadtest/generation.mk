# Benchmarks and proofs of generation.
.PHONY: bench-generation chaos-generation

bench-generation: build ## Time jobs on the whole stack (BENCH_JOBS)
	@$(RELEASE)/loadtest-generation bench-generation

chaos-generation: build ## Kill services under 2,000 jobs and prove that each ends well (CHAOS_JOBS, CHAOS_SEED)
	@$(RELEASE)/loadtest-generation chaos-generation

.PHONY: check-s3
S3_PEER = $(SCRATCH)/peers/s3

$(S3_PEER)/.installed: loadtest/peers/s3/requirements.txt
	$(call install,python3-venv)
	python3 -m venv $(S3_PEER)
	$(S3_PEER)/bin/pip install --quiet -r $<
	@touch $@

check-s3: deps swift $(S3_PEER)/.installed ## Store, read and presign against another's S3 (moto), which checks our signatures
	$(SWIFT) build --build-tests $(FLAGS)
	$(S3_PEER)/bin/python loadtest/peers/s3/check.py \
		$(SWIFT) test --skip-build --disable-xctest $(FLAGS) --filter ObjectStoreCheck
