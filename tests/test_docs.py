"""Numbers in README and docs are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from humanoid_envs.mdp.observations import Frame
from humanoid_envs.robots import XBOT_L
from humanoid_envs.tasks.standing import stand
from humanoid_envs.tasks.velocity import VelocityConfig, fast, v0
from trainers.presets import preset as train_preset

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "assets/xbot_l/policies/README.md"]
TASK = (ROOT / "docs/task.md").read_text()
README = (ROOT / "README.md").read_text()
V0, FAST = v0(), fast()


def tables(text: str) -> List[List[List[str]]]:
    """Each table's rows of cells, without the line below its heading."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    rows = [[row.strip("|\n").split("|") for row in block.splitlines()] for block in blocks]
    return [[[cell.strip() for cell in row] for row in block if "---" not in row[0]] for block in rows]


def spans(frame: Frame) -> List[Tuple[str, int, int]]:
    found, end = [], 0
    for name, size in frame.layout(XBOT_L):
        found.append((name, end, end + size))
        end += size
    return found


def documented_spans(rows: List[List[str]]) -> List[Tuple[int, int]]:
    ends = [[int(end) for end in row[0].split(":")] for row in rows[1:]]
    return [(ends_[0], ends_[-1] if len(ends_) == 2 else ends_[0] + 1) for ends_ in ends]


def test_entries_of_the_actors_frame() -> None:
    rows = tables(TASK)[0]
    frame = V0.observations.policy
    terms = spans(frame)
    # The command is two terms.
    merged = [(first, last) for name, first, last in terms if not name.startswith("command")]
    merged.insert(1, (2, 5))
    assert documented_spans(rows) == merged
    noise = frame.noise(XBOT_L)
    for (first, _), row in zip(documented_spans(rows), rows[1:]):
        assert noise[first] == float(row[2] or 0.0)
    assert len(noise) == merged[-1][1] == 47
    assert f"{frame.history} frames of {len(noise)} entries" in TASK
    assert f"{frame.size(XBOT_L)} in all, clipped at ±{V0.observations.clip:g}" in TASK


def test_entries_of_the_critics_frame() -> None:
    entries = documented_spans(tables(TASK)[1])
    terms = spans(FAST.observations.critic)
    assert entries == [(0, 41), *((first, last) for _, first, last in terms if first >= 41)]
    for config, size in ((V0, 73), (FAST, 79)):
        assert config.observations.critic.history == 3
        assert config.observations.critic.frame_size(XBOT_L) == size
        assert f"3 privileged frames of {size}" in TASK or f"3 frames of {size}" in TASK
    assert f"privileged observation {3 * 73} (`fast`: {3 * 79}), action {XBOT_L.num_joints}" in README


def symmetric(bound: float) -> str:
    return f"±{bound:g}"


def randomness(config: VelocityConfig) -> Dict[str, str]:
    """The cells of a preset's column."""
    random, commands, actions = config.randomization, config.commands.velocity, config.actions
    turn = "heading" if commands.heading_mode else f"yaw rate {symmetric(commands.yaw_rate[1])}"
    low, high = commands.lin_vel_x
    delay = f"0–{actions.delay:g}" if actions.delay else "–"
    return {
        "sole friction, once per robot": "{:.1f}–{:.1f}".format(*random.foot_friction.range),
        "base mass, once per robot": f"{symmetric(random.added_mass.range[1])} kg",
        "gains, once per robot and joint": f"±{100 * random.gains.share:g} %" if random.gains.share else "–",
        "joint angles at the start": f"{symmetric(random.start_joint_pos.angle)} rad",
        "heading and gait phase at the start": (
            "any" if random.start_phase.on and random.start_yaw.angle > 3 else "–"
        ),
        f"push every {random.push.period:g} s: planar and angular velocity": (
            f"{symmetric(random.push.lin_vel)} m/s, {symmetric(random.push.ang_vel)} rad/s"
        ),
        "action delay (share of the last action), action noise": f"{delay}, {100 * actions.noise:g} %",
        "commands": f"vx −{-low:g}…{high:g}, vy {symmetric(commands.lin_vel_y[1])}, {turn}",
    }


def test_what_is_random() -> None:
    rows = tables(TASK)[2][1:]
    assert {row[0]: row[1] for row in rows} == randomness(V0)
    assert {row[0]: row[2] for row in rows} == randomness(FAST)


def test_timing_of_the_task() -> None:
    steps = [(config.physics.decimation, 1e3 * config.physics.timestep) for config in (V0, FAST)]
    (many, short), (few, long) = steps
    assert f"{many} simulation steps of {short:.0f} ms in `v0`, {few} of {long:.1f} ms in `fast`" in TASK
    assert V0.policy_period == pytest.approx(0.01)
    lengths = V0.terminations.episode_length, FAST.terminations.episode_length
    assert "After {:g} s (`fast`: {:g} s) the episode is truncated".format(*lengths) in TASK
    assert f"target = {V0.actions.scale:g}·action" in TASK
    assert f"gait phase ({V0.gait.period} s)" in TASK
    assert f"below {FAST.terminations.low_base.height:g} m or tilted beyond 53°" in " ".join(TASK.split())
    assert len(V0.rewards.active) == 22  # "the release's 22 terms"


def test_the_standing_task() -> None:
    task = stand()
    told, frames = tables(TASK)[3][1:], task.observations
    ranges = task.commands.posture.height, task.commands.posture.pitch
    for row, (low, high) in zip(told, ranges):
        assert row[2] == f"{low:g}…{high:g}".replace("-", "−")
    assert task.commands.posture.one_foot_share == 0.5
    assert f"drawn anew every {task.commands.resample_period:g} s" in TASK
    rows, layout = tables(TASK)[4], spans(frames.policy)
    assert documented_spans(rows) == [(first, last) for _, first, last in layout]
    noise = frames.policy.noise(XBOT_L)
    assert [noise[first] for _, first, _ in layout] == [float(row[2] or 0.0) for row in rows[1:]]
    actor, critic = (frame.frame_size(XBOT_L) for frame in (frames.policy, frames.critic))
    assert f"{frames.policy.history} frames of {actor} entries" in TASK
    assert f"{frames.policy.size(XBOT_L)} in all; there is no clock" in TASK
    assert f"{frames.critic.history} frames of {critic}." in TASK
    push, end = task.randomization.push, task.terminations
    assert f"every {push.period:g} s a push of up to ±{push.lin_vel:g} m/s" in " ".join(TASK.split())
    assert f"below {end.low_base.height:g} m; time is up after {end.episode_length:g} s" in TASK


def test_budgets_of_the_presets() -> None:
    cpu, text = train_preset("cpu"), " ".join(README.split())
    assert f"preset `cpu`, {cpu.total_timesteps / 1e6:g} million env-steps" in text
    assert f"{cpu.max_minutes:g} at most" in text
    assert f"preset `fast`, {train_preset('fast').total_timesteps / 1e6:g} million env-steps" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_are_there(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"(?:python |`)((?:humanoid_envs|trainers|examples|assets|tests|docs)/[\w./]*)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert [name for name in linked if not (page.parent / name).exists()] == []


def test_every_promise_names_tests_that_are_there() -> None:
    rows = [row for table in tables((ROOT / "docs/reliability.md").read_text()) for row in table[1:]]
    assert len(rows) > 30
    for promise, proofs in rows:
        files = re.findall(r"`(tests/[\w/]+\.py)`", proofs)
        assert files, promise
        assert [name for name in files if not (ROOT / name).is_file()] == []
