"""Loops of deep models: DDPM, StyleGAN2, WGAN-GP and Glow through the engine (needs torch).

`models` fit, sample, save and load; `data` are real sets by name; `config` reads presets and `run`
runs them. All randomness is a function of seed, step and sample, so a fit that was killed goes on
to the same bits on a processor.
"""
