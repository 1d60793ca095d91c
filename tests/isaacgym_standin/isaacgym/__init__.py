"""A stand-in for NVIDIA's `isaacgym`, which is on no package index, to test its adapter with.

It simulates with C MuJoCo and raises `ContractError` wherever a program breaks a rule of Isaac Gym's
documentation that the original may silently let pass: order of calls, stale data, setters called twice. Only
what the adapter and its check use is here. Put this folder's parent on `sys.path` to use it.
"""

import sys

STANDIN = True

if "torch" in sys.modules:
    raise ImportError("isaacgym must be imported before torch")
