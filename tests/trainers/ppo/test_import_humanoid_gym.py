"""Checkpoints in the format of the Humanoid-Gym release, made here from random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
import torch
from torch import Tensor, nn

from humanoid_envs.contract import PolicyContract
from humanoid_envs.errors import UserError
from humanoid_envs.registration import make
from humanoid_envs.tasks import preset
from humanoid_envs.vector_env import HumanoidVectorEnv
from tests.scripted_simulator import ScriptedSimulator, standing
from tests.trainers.ppo.counting_env import CountingEnv
from trainers.ppo import PPO, PPOConfig, import_humanoid_gym


class TheirActorCritic(nn.Module):
    """Parameters in their order and under their names."""

    def __init__(self, sizes: Tuple[int, int, int] = (705, 219, 12)) -> None:
        super().__init__()
        torch.manual_seed(0)
        observation, privileged, actions = sizes
        self.actor = mlp(observation, 512, 256, 128, actions)
        self.critic = mlp(privileged, 768, 256, 128, 1)
        self.std = nn.Parameter(torch.rand(actions) + 0.5)


def mlp(*widths: int) -> nn.Sequential:
    layers: list = []
    for width_in, width_out in zip(widths, widths[1:]):
        layers += [nn.Linear(width_in, width_out), nn.ELU()]
    return nn.Sequential(*layers[:-1])


def trained(network: TheirActorCritic, learning_rate: float = 3e-4) -> Dict[str, Any]:
    """A checkpoint's content after one gradient step."""
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    weights = network.state_dict()
    inputs = [torch.randn(4, weights[f"{name}.0.weight"].shape[1]) for name in ("actor", "critic")]
    actions, values = network.actor(inputs[0]), network.critic(inputs[1])
    (actions.square().sum() + values.square().sum() + network.std.square().sum()).backward()
    optimizer.step()
    return {
        "model_state_dict": network.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "iter": 3000,
        "infos": None,
    }


@pytest.fixture
def network() -> TheirActorCritic:
    return TheirActorCritic()


@pytest.fixture
def path(tmp_path: Path, network: TheirActorCritic) -> Path:
    torch.save(trained(network), tmp_path / "model_3000.pt")
    return tmp_path / "model_3000.pt"


def observations() -> Tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(16, 705, generator=generator), torch.randn(16, 219, generator=generator)


def make_env() -> HumanoidVectorEnv:
    return HumanoidVectorEnv(ScriptedSimulator(standing(2)), preset("v0"))


def test_computes_what_their_networks_do(path: Path, network: TheirActorCritic) -> None:
    ppo = import_humanoid_gym(path, device="cpu")
    obs, critic_obs = observations()
    with torch.no_grad():
        torch.testing.assert_close(ppo.predict(obs)[0], network.actor(obs).clamp(-18.0, 18.0))
        torch.testing.assert_close(ppo.policy.value(critic_obs), network.critic(critic_obs).squeeze(1))
        assert ppo.policy.std is not None
        assert torch.equal(ppo.policy.std, network.std)
    assert ppo.config.actor_hidden == (512, 256, 128)
    assert ppo.config.critic_hidden == (768, 256, 128)
    assert ppo.num_updates == 3000


def test_adam_goes_on_where_it_was(path: Path, network: TheirActorCritic) -> None:
    ppo = import_humanoid_gym(path, device="cpu")
    content = torch.load(path, weights_only=True)
    assert ppo.learner.learning_rate.item() == pytest.approx(3e-4)
    theirs = content["optimizer_state_dict"]["state"]
    for index, parameter in enumerate(ppo.learner.optimizer.param_groups[0]["params"]):
        ours = ppo.learner.optimizer.state[parameter]
        assert torch.equal(ours["exp_avg"], theirs[index]["exp_avg"])
        assert torch.equal(ours["exp_avg_sq"], theirs[index]["exp_avg_sq"])
        assert float(ours["step"]) == 1.0
    assert ppo.policy.std is not None  # whose gradient, twice itself, tells that the order is the same
    torch.testing.assert_close(
        ppo.learner.optimizer.state[ppo.policy.std]["exp_avg"].sign(), network.std.detach().sign()
    )


def test_training_goes_on(path: Path) -> None:
    pytest.importorskip("mujoco.batch")
    env = make(2, engine="mujoco")
    config = PPOConfig(num_steps=4, num_minibatches=2, max_learning_rate=5e-4)
    ppo = import_humanoid_gym(path, env, config, device="cpu")
    assert ppo.config.num_steps == 4
    before = ppo.policy.state_dict()["actor.0.weight"].clone()
    ppo.learn(8, progress_bar=False, reset_num_timesteps=False)
    assert ppo.num_updates == 3001
    assert not torch.equal(ppo.policy.state_dict()["actor.0.weight"], before)
    env.close()


def test_it_becomes_a_checkpoint_of_ours(path: Path, tmp_path: Path) -> None:
    """Which says what its contract is, so that it can be played and exported."""
    export = pytest.importorskip("trainers.export")
    import_humanoid_gym(path).save(tmp_path / "ours.pt")
    ours = PPO.load(tmp_path / "ours.pt", make_env(), device="cpu")
    assert ours.signature.details["robot"] == "xbot_l"
    assert export.contract_of(PPO.load(tmp_path / "ours.pt")) == PolicyContract.of(preset("v0"))
    expected = import_humanoid_gym(path, device="cpu").predict(observations()[0])[0]
    assert torch.equal(ours.predict(observations()[0])[0], expected)


def test_a_file_for_inference_has_no_optimizer(path: Path, network: TheirActorCritic) -> None:
    torch.save({"model_state_dict": network.state_dict()}, path)
    ppo = import_humanoid_gym(path, device="cpu")
    assert (ppo.num_updates, ppo.learner.learning_rate.item()) == (0, PPOConfig().learning_rate)
    assert not ppo.learner.optimizer.state


def test_a_standard_deviation_below_zero_is_lifted(path: Path, network: TheirActorCritic) -> None:
    """Their training does not keep it positive."""
    network.std.data[3] = -0.2
    torch.save(trained(network), path)
    ppo = import_humanoid_gym(path)
    assert ppo.policy.std is not None
    assert ppo.policy.std[3].item() == pytest.approx(PPOConfig().min_std)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((615, 219, 12), r"actor\.0\.weight has shape \(512, 615\), but gets 705 inputs"),
        ((705, 73, 12), r"critic\.0\.weight has shape \(768, 73\), but gets 219 inputs"),
        ((705, 219, 10), r"actor\.6\.weight gives 10 outputs, not 12"),
    ],
    ids=["observation", "privileged observation", "action"],
)
def test_layers_that_do_not_fit_are_named(tmp_path: Path, sizes: tuple, message: str) -> None:
    torch.save(trained(TheirActorCritic(sizes)), tmp_path / "model.pt")
    for env in (None, make_env()):
        with pytest.raises(ValueError, match=message):
            import_humanoid_gym(tmp_path / "model.pt", env)


def test_another_environment_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"actor\.0\.weight has shape \(512, 705\), but gets 2 inputs"):
        import_humanoid_gym(path, CountingEnv())


def normalizer(size: int, seed: int) -> Dict[str, Tensor]:
    """The state of rsl_rl's EmpiricalNormalization, with an entry that never changed."""
    generator = torch.Generator().manual_seed(seed)
    std = torch.rand(1, size, generator=generator) * 2.0
    std[0, 0] = 0.0
    mean = torch.randn(1, size, generator=generator)
    return {"_mean": mean, "_var": std.square(), "_std": std, "count": torch.tensor(4096)}


@pytest.mark.parametrize("critics", ["critic_obs_norm_state_dict", "privileged_obs_norm_state_dict"])
def test_normalized_observations(path: Path, network: TheirActorCritic, critics: str) -> None:
    """Become part of the first layers: the same actions and values, also far outside of what was seen."""
    normalization = pytest.importorskip("rsl_rl.modules.normalization", exc_type=ImportError)
    states, theirs = {"obs_norm_state_dict": normalizer(705, 2), critics: normalizer(219, 3)}, []
    for state in states.values():
        theirs.append(normalization.EmpiricalNormalization(state["_mean"].shape[1]).eval())
        theirs[-1].load_state_dict(state)
    torch.save({**trained(network), **states}, path)
    ppo = import_humanoid_gym(path, device="cpu")
    for obs, critic_obs in (observations(), [18.0 * each for each in observations()]):
        with torch.no_grad():
            actions = network.actor(theirs[0](obs)).clamp(-18.0, 18.0)
            values = network.critic(theirs[1](critic_obs)).squeeze(1)
            assert (actions - network.actor(obs)).abs().max() > 0.1
            torch.testing.assert_close(ppo.predict(obs)[0], actions, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(ppo.policy.value(critic_obs), values, rtol=1e-4, atol=1e-4)
    assert ppo.learner.learning_rate.item() == pytest.approx(3e-4)
    assert not ppo.learner.optimizer.state  # whose moments are of other weights


def test_a_normalizer_that_does_not_fit_is_named(path: Path, network: TheirActorCritic) -> None:
    torch.save({**trained(network), "obs_norm_state_dict": normalizer(47, 2)}, path)
    with pytest.raises(UserError, match=r"model_3000\.pt: obs_norm_state_dict does not fit.*47 and 47 .*705"):
        import_humanoid_gym(path)


@pytest.mark.parametrize("place", ["weights", "normalizer", "optimizer"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(
    path: Path, network: TheirActorCritic, place: str, value: float
) -> None:
    content = {**trained(network), "obs_norm_state_dict": normalizer(705, 2)}
    broken, name = {
        "weights": (content["model_state_dict"]["actor.2.weight"], r"actor\.2\.weight"),
        "normalizer": (content["obs_norm_state_dict"]["_mean"], "_mean"),
        "optimizer": (content["optimizer_state_dict"]["state"][3]["exp_avg"], "exp_avg 3"),
    }[place]
    broken.view(-1)[5] = value
    torch.save(content, path)
    with pytest.raises(UserError, match=rf"model_3000\.pt.*{name} is not finite"):
        import_humanoid_gym(path)


def test_another_optimizer_is_refused(path: Path, network: TheirActorCritic) -> None:
    content = trained(network)
    content["optimizer_state_dict"] = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9).state_dict()
    content["optimizer_state_dict"]["state"] = {0: {"momentum_buffer": torch.zeros(12)}}
    torch.save(content, path)
    with pytest.raises(
        UserError, match=r"model_3000\.pt: its optimizer_state_dict is not that of torch's Adam"
    ):
        import_humanoid_gym(path)


def test_a_checkpoint_of_something_else_is_named_by_its_file(path: Path) -> None:
    for weights in ([1.0], {"actor.0.weight": 1.0}):
        torch.save({"model_state_dict": weights}, path)
        with pytest.raises(UserError, match=r"model_3000\.pt is no checkpoint of the Humanoid-Gym release"):
            import_humanoid_gym(path)


def without(content: Dict[str, Any], prefix: str) -> Dict[str, Any]:
    weights = {
        name: value for name, value in content["model_state_dict"].items() if not name.startswith(prefix)
    }
    return {**content, "model_state_dict": weights}


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("actor.0.weight", r"has no actor\.0\.weight: it is no checkpoint of the Humanoid-Gym release"),
        ("critic", r"has no critic\.0\.weight"),
        ("std", "has no 'std'"),
        ("actor.2.bias", r"model_3000\.pt: weight 'actor\.2\.bias' is missing"),
    ],
)
def test_missing_weights_are_named(path: Path, network: TheirActorCritic, prefix: str, message: str) -> None:
    torch.save(without(trained(network), prefix), path)
    with pytest.raises(ValueError, match=message):
        import_humanoid_gym(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="There is no checkpoint"):
        import_humanoid_gym(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_text("something else")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        import_humanoid_gym(tmp_path / "model.pt")
    torch.save({"format": "another"}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="it has no model_state_dict"):
        import_humanoid_gym(tmp_path / "model.pt")


class Malicious:
    def __reduce__(self) -> Tuple[Any, Tuple[str]]:
        return exec, ("raise SystemExit('this ran')",)


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    torch.save({"model_state_dict": {}, "infos": Malicious()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        import_humanoid_gym(tmp_path / "model.pt")
