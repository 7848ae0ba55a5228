# Proofs of ingress: chaos and redeploys. The benchmarks are in ingress.mk.
.PHONY: chaos-ingress

chaos-ingress: build ## Kill ingress, its consumer and PostgreSQL at random under load and compare the books (CHAOS_SECONDS=60 for a short form)
	@exec $(RELEASE)/loadtest-ingress chaos-ingress
