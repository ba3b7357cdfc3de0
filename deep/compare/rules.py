"""Constants of the rules by which measured curves are held against the theory (docs/deep_rules.md).

Fixed before any measured curve was compared; a change here is a new rule.
"""

#: Level of the band of each metric and generation.
LEVEL = 0.95
#: Simulated loops that a band is made from.
REPLICATES = 1000
#: |relative error| that is the goal.
GOAL = 0.1
#: n_fit is cut here where the bias explains the distance of generation 1.
N_MOST = 10**6
#: Estimated biases are cut to these.
BIAS_LEAST, BIAS_MOST = 1e-6, 16.0
#: Rows of either set, neighbour and repetitions where recall is simulated.
N_RECALL, K_RECALL, SEEDS_RECALL = 2000, 5, 2
#: Recall follows the log of a path's trace by laws scaled by the exponentials of these.
SCALES_RECALL = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0)
#: Simulated loops of one Gaussian that its recall is read from, rows of either set.
LOOPS_RECALL, N_LOOPED = 8, 500
#: Samples that a generation is measured on, where the curve does not say.
N_MEASURED = 4000
