"""Training one model on one fold, in a worker process.

Light, for nodes: `parameters`, `tasks` (what to train, and `train`), `checkpoints`, `devices`. All else imports torch
and is reached inside the worker only.
"""
