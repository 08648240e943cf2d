"""Micro-benchmarks of the hot path: `.venv/bin/python -m pytest bench/micro`, after bin/bench has set .venv up.

They are not part of bin/test. `--benchmark-autosave` and `--benchmark-compare` (pytest-benchmark) show a regression.
"""
