# Proofs of ingress: chaos and redeploys. The benchmarks are in ingress.mk.
.PHONY: chaos-ingress chaos-redeploy

chaos-ingress: build ## Kill ingress, its consumer and PostgreSQL at random under load and compare the books (CHAOS_SECONDS=60 for a short form)
	@exec $(RELEASE)/loadtest-ingress chaos-ingress

chaos-redeploy: build ## Replace everything behind ingress under load; people pay while conversation is down (REDEPLOY_ROUNDS=1 for a short form)
	@exec $(RELEASE)/loadtest-ingress chaos-redeploy
