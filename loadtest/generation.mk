# Benchmarks and proofs of generation.
.PHONY: bench-generation chaos-generation

bench-generation: build ## Time jobs on the whole stack (BENCH_JOBS)
	@$(RELEASE)/loadtest-generation bench-generation

chaos-generation: build ## Kill services under 2,000 jobs and prove that each ends well (CHAOS_JOBS, CHAOS_SEED)
	@$(RELEASE)/loadtest-generation chaos-generation
