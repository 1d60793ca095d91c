"""Watch a policy walk in C MuJoCo at the release's 1 ms.

    python examples/play.py                                  # the run trained last, in MuJoCo's viewer
    python examples/play.py runs/mine/checkpoints/last.pt --command 0.4 0 0
    python examples/play.py policy.onnx                      # or TorchScript, see docs/policies.md
    python examples/play.py --video walk.mp4 --seconds 10    # headless: a video and a picture beside it
    python examples/play.py a.onnx b.onnx --web              # headless: a page for the browser

A command has the numbers that the policy is told, of the velocity task vx, vy and yaw rate. Without --command
the task draws a new one every few seconds; in the browser it is the neutral one, to stand. Keys in the window
and sliders in the browser change it.
"""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path
from typing import Dict, Iterator, Optional, Sequence

from humanoid_envs.vector_env import HumanoidVectorEnv
from trainers.command_line import (
    PICTURE_SIDE,
    SECONDS,
    SEED,
    add_plugin,
    add_trust,
    concise_errors,
    number,
    render_without_display,
)
from trainers.evaluation import evaluation_env
from trainers.evaluation.steering import CommandKeys, require_command
from trainers.evaluation.video import record, walk_steps
from trainers.policies import LoadedPolicy, load_policy, read_contract
from trainers.runs import find_checkpoint


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_plugin(parser)
    parser.add_argument(
        "policy", nargs="*", default=["last"], help="a file, a run's name, or 'last'; several for --web"
    )
    parser.add_argument("--contract", type=Path, help="JSON; of a TorchScript file that carries none")
    parser.add_argument(
        "--command",
        nargs="+",
        type=number(),
        metavar="NUMBER",
        help="what the policy is told; of the velocity task VX VY YAW: m/s, m/s, rad/s",
    )
    parser.add_argument("--video", type=Path, help="write this mp4, and a picture of its middle, headless")
    parser.add_argument("--web", action="store_true", help="serve a page for the browser, until Ctrl-C")
    parser.add_argument("--host", default="127.0.0.1", help="for --web: the address to serve on; no password")
    parser.add_argument("--port", type=int, default=8080, help="for --web; the next free one if it is taken")
    parser.add_argument("--seconds", type=SECONDS, default=20.0, help="in the window and in a video")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument("--size", nargs=2, type=PICTURE_SIDE, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    add_trust(parser)
    arguments = parser.parse_args()
    if arguments.video is not None and arguments.video.suffix != ".mp4":
        parser.error(f"--video writes an mp4: give a name that ends so, not {arguments.video}")
    if arguments.video is not None and arguments.web:
        parser.error("choose --video or --web")
    if len(arguments.policy) > 1 and not arguments.web:
        parser.error("several policies need --web, to choose from")
    return arguments


@concise_errors()
def main() -> None:
    render_without_display()
    arguments = parse()
    contract = None if arguments.contract is None else read_contract(arguments.contract)
    policies = {
        name: load_policy(find_checkpoint(name), contract, trust=arguments.trust) for name in arguments.policy
    }
    for policy in policies.values():
        require_command(arguments.command, policy.contract)
    if arguments.web:
        serve(policies, arguments)
    else:
        play(policies[arguments.policy[0]], arguments)


def play(policy: LoadedPolicy, arguments: argparse.Namespace) -> None:
    """Walk in MuJoCo's window or in a video."""
    env = evaluation_env(policy.task, num_envs=1, seconds=arguments.seconds, robot=policy.robot)

    def fall(seconds: float) -> None:
        print(f"Fell after {seconds:.2f} s.")

    options = {"command": arguments.command, "seed": arguments.seed, "on_fall": fall}
    if arguments.video is None:
        watch(env, walk_steps(env, policy, arguments.seconds, **options), arguments.command)
    else:
        record(env, policy, arguments.seconds, arguments.video, size=arguments.size, **options)
        print(f"Wrote {arguments.video} and {arguments.video.with_suffix('.png')}.")
    env.close()


def watch(env: HumanoidVectorEnv, steps: Iterator[int], command: Optional[Sequence[float]]) -> None:
    """Show the walk in MuJoCo's viewer, until the window is closed."""
    from humanoid_envs.viewer import Viewer

    keys = CommandKeys(env, command)
    viewer = Viewer(env.simulator, on_key=keys.press)
    print(keys.help)
    for _ in steps:
        viewer.show()
        if keys.apply():
            print(f"Command: {keys.shown}")
        if not viewer.is_open:
            break
    viewer.close()


def serve(policies: Dict[str, LoadedPolicy], arguments: argparse.Namespace) -> None:
    """Walk in the browser, until interrupted."""
    from trainers.evaluation.web import WebPlayer

    player = WebPlayer(
        policies, command=arguments.command, host=arguments.host, port=arguments.port, seed=arguments.seed
    )
    port = player.viewer.server.get_port()
    if port != arguments.port:
        print(f"Port {arguments.port} is taken; the next free one is {port}.")
    print(f"Open {player.viewer.url} in a browser; Ctrl-C ends.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        player.run()
    player.close()


if __name__ == "__main__":
    main()
