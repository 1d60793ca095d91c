"""A matrix of policies, each trained somewhere, and the simulators that they walk on.

    python examples/benchmark_simulators.py runs/*/checkpoints/policy.onnx
    python examples/benchmark_simulators.py a.pt b.pt --simulators mujoco mujoco:fast --json matrix.json

Each policy walks the scorecard's nine commands on each simulator, on robots as the model has them. A cell
says how many commands it meets (no fall, mean velocity within 10 % or 0.03), its largest error of a mean
velocity, and its mean |torque|; docs/sim2sim.md defines them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Optional

import humanoid_envs  # noqa: F401  # isort: skip  before torch, so that Isaac Gym can be imported
from trainers.command_line import ROLLOUTS, SCORED_SECONDS, add_plugin, add_trust, concise_errors
from trainers.evaluation.env import available_simulators, choose_simulator
from trainers.evaluation.gap import GapConfig, SimulatorWalk, compare_simulators
from trainers.evaluation.result_file import Result, describe_policy, write_results
from trainers.policies import load_policy
from trainers.runs import find_checkpoint

from tqdm import tqdm


@concise_errors()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument("policies", nargs="+", help="ONNX, TorchScript or checkpoints; or names of runs")
    parser.add_argument("--simulators", nargs="+", help="default: all that run here")
    parser.add_argument("--rollouts", type=ROLLOUTS, default=2, help="robots for each command")
    parser.add_argument("--seconds", type=SCORED_SECONDS, default=10.0, help="of which 3 do not count")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    add_trust(parser)
    chosen = parser.parse_args()
    simulators: List[str] = chosen.simulators or available_simulators()
    for name in simulators:
        choose_simulator(name)
    paths = [Path(name) if Path(name).is_file() else find_checkpoint(name) for name in chosen.policies]
    config = GapConfig(rollouts=chosen.rollouts, seconds=chosen.seconds)

    print(f"| policy | trained on | {' | '.join(simulators)} |\n|{'---|' * (2 + len(simulators))}")
    results = []
    for path in paths:
        policy = load_policy(path, trust=chosen.trust)
        steps = (1 + len(simulators)) * config.env_steps(policy.task)
        with tqdm(desc=path.name, total=steps, unit="step", unit_scale=True, disable=None) as bar:
            report = compare_simulators(policy, policy.task, simulators, config=config, progress=bar.update)
        result = Result(describe_policy(path, policy.contract), gap=report)
        results.append(result)
        cells = " | ".join(cell(walk) for walk in report.walks)
        print(f"| {path} | {result.policy.trained_on} | {cells} |", flush=True)
    if chosen.json is not None:
        write_results(chosen.json, results)
        print(f"\nWrote {chosen.json}.")


def cell(walk: SimulatorWalk) -> str:
    """Commands met, largest error of a mean velocity, mean |torque|."""
    met = sum(command.met for command in walk.commands)
    errors: List[Optional[float]] = [
        None if mean is None else abs(mean - wanted)
        for command in walk.commands
        for mean, wanted in zip(command.mean_velocity, command.command)
    ]
    known = [error for error in errors if error is not None]
    if not known:
        return "falls at once"
    return f"{met}/{len(walk.commands)}, {max(known):.3f}, {walk.overall.torque.value:.1f} N·m"


if __name__ == "__main__":
    main()
