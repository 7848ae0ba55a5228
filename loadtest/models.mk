# Smoke runs of the catalogue; the code is in loadtest/Sources/Generation/Models.

.PHONY: e2e-models

e2e-models: build ## Run every sellable model twice and print how stable it is (E2E_RUNS=2, E2E_MODELS=veo,suno; RUN_E2E=1 for real)
	E2E_RUNS=$(or $(E2E_RUNS),2) $(RELEASE)/loadtest-generation e2e-models
