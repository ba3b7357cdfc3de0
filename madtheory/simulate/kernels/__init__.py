"""Compiled kernels of the exact simulators, a file a loop. No validation here.

Everything runs in whitened eigen-coordinates of Sigma_0 = U diag(s) U^T, restricted to its range
of dimension r: Sigma_t = U S^{1/2} G G^T S^{1/2} U^T and mu_t - mu_0 = U S^{1/2} nu. A state is
nu (r,) and a factor G (r, k); the loops are conjugations of the Sigma_0 = I loop, so s enters only
when a state is measured. Nothing compiles at import, only at first call.
"""
