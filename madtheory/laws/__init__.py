"""Laws that every loop is made of: chi-square, Wishart, tails, the distance of Gaussians.

`chi_square` and `wishart` have moments and log-determinants, `trace_noise` the generalized
chi-square of Appendix A, `tails` and `passage` probabilities by contour and convolution, `bures`
the squared Wasserstein distance. No loop is known here.

A bad argument raises ValueError or TypeError with one sentence that names the argument, the rule
and the value.
"""
