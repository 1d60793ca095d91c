"""Denoising world model learning, on the trainer's seam for networks and losses, and its rivals."""

from trainers.dwl.dwl import DWL, DWLLosses, dwl_config
from trainers.dwl.estimating import Denoising, EstimatingActor, EstimatingPolicy, Sparsity, Thought
from trainers.dwl.networks import DWLPolicy
from trainers.dwl.targets import Targets

__all__ = [
    "DWL",
    "DWLLosses",
    "DWLPolicy",
    "Denoising",
    "EstimatingActor",
    "EstimatingPolicy",
    "Sparsity",
    "Targets",
    "Thought",
    "dwl_config",
]
