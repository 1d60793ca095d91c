"""Watch a policy walk in C MuJoCo at the release's 1 ms.

    python examples/play.py                                  # the run trained last, in MuJoCo's viewer
    python examples/play.py runs/mine/checkpoints/last.pt --command 0.4 0 0
    python examples/play.py policy.onnx                      # or TorchScript, see docs/policies.md
    python examples/play.py --video walk.mp4 --seconds 10    # headless: a video and a picture beside it

Without --command the task draws a new one every few seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Iterator

from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import concise_errors, render_without_display
from trainers.evaluation import evaluation_env
from trainers.evaluation.video import record, walk
from trainers.policies import load_policy, read_contract
from trainers.runs import find_checkpoint


@concise_errors()
def main() -> None:
    render_without_display()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy", nargs="?", default="last", help="a file, a run's name, or 'last'")
    parser.add_argument("--contract", type=Path, help="JSON; of a TorchScript file that carries none")
    parser.add_argument("--command", nargs=3, type=float, metavar=("VX", "VY", "YAW"), help="m/s, m/s, rad/s")
    parser.add_argument("--video", type=Path, help="write this mp4, and a picture of its middle, headless")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", nargs=2, type=int, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    arguments = parser.parse_args()
    if arguments.seconds < 0.1:
        parser.error(f"--seconds must be at least 0.1, not {arguments.seconds}")
    if arguments.video is not None and arguments.video.suffix != ".mp4":
        parser.error(f"--video writes an mp4: give a name that ends so, not {arguments.video}")

    contract = None if arguments.contract is None else read_contract(arguments.contract)
    policy = load_policy(find_checkpoint(arguments.policy), contract)
    env = evaluation_env(policy.task, num_envs=1, seconds=arguments.seconds)
    policy.contract.require_match(env.contract, "This policy")

    def fall(seconds: float) -> None:
        print(f"Fell after {seconds:.2f} s.")
        policy.reset()

    options = {"command": arguments.command, "seed": arguments.seed, "on_fall": fall}
    if arguments.video is None:
        watch(env, walk(env, policy, arguments.seconds, **options))
    else:
        record(env, policy, arguments.seconds, arguments.video, size=arguments.size, **options)
        print(f"Wrote {arguments.video} and {arguments.video.with_suffix('.png')}.")
    env.close()


def watch(env: HumanoidVectorEnv, steps: Iterator[int]) -> None:
    """Show the walk in MuJoCo's viewer, until the window is closed."""
    from humanoid_envs.viewer import Viewer

    viewer = Viewer(env.simulator)
    for _ in steps:
        viewer.show()
        if not viewer.is_open:
            break
    viewer.close()


if __name__ == "__main__":
    main()
