"""A kernel in memory: it takes the same calls as the real one and refuses what that refuses. It ships, for tests of programs.

It moves no packets. The same contract tests run against both (``tests/contract/linux``).
"""
