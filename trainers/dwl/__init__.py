"""Denoising world model learning, on the trainer's seam for networks and losses, and its rivals."""

from trainers.dwl.concurrent import ConcurrentPolicy
from trainers.dwl.distillation import Distillation, StudentLosses
from trainers.dwl.dwl import DWL, DWLLosses, dwl_config
from trainers.dwl.estimating import (
    Denoising,
    EstimateLosses,
    EstimatingActor,
    EstimatingPolicy,
    Sparsity,
    Thought,
)
from trainers.dwl.him import Contrastive, HIMLosses, HIMPolicy
from trainers.dwl.networks import DWLPolicy
from trainers.dwl.targets import Targets

__all__ = [
    "DWL",
    "ConcurrentPolicy",
    "Contrastive",
    "DWLLosses",
    "DWLPolicy",
    "Denoising",
    "Distillation",
    "EstimateLosses",
    "EstimatingActor",
    "EstimatingPolicy",
    "HIMLosses",
    "HIMPolicy",
    "Sparsity",
    "StudentLosses",
    "Targets",
    "Thought",
    "dwl_config",
]
