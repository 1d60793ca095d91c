from __future__ import annotations

import torch
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Independent, Normal, kl_divergence

from trainers.ppo.distributions import Categorical, DiagonalGaussian


def gaussian(seed: int) -> DiagonalGaussian:
    generator = torch.Generator().manual_seed(seed)
    return DiagonalGaussian(torch.randn(5, 3, generator=generator), 0.2 + torch.rand(3, generator=generator))


def reference(distribution: DiagonalGaussian) -> Independent:
    return Independent(Normal(distribution.mean, distribution.std.expand_as(distribution.mean)), 1)


def test_gaussian_agrees_with_torch() -> None:
    new, old = gaussian(0), gaussian(1)
    actions = torch.randn(5, 3)
    torch.testing.assert_close(new.log_prob(actions), reference(new).log_prob(actions))
    torch.testing.assert_close(new.entropy(), reference(new).entropy())
    exact = kl_divergence(reference(old), reference(new))
    # The release's 1e-5 in the logarithm adds about 1e-5 · old.std / new.std per action.
    shift = torch.log1p(1e-5 * old.std / new.std).sum()
    torch.testing.assert_close(new.kl_from(old), exact + shift, rtol=1e-5, atol=1e-6)


def test_kl_of_equal_gaussians_is_1e_5_per_action() -> None:
    equal = gaussian(0)
    torch.testing.assert_close(equal.kl_from(equal), torch.full((5,), 3e-5), rtol=0.05, atol=0.0)


def test_gaussian_samples_have_its_mean_and_std() -> None:
    distribution = DiagonalGaussian(torch.tensor([[1.0, -2.0]]).expand(20_000, 2), torch.tensor([0.1, 3.0]))
    samples = distribution.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(samples.mean(0), torch.tensor([1.0, -2.0]), rtol=0.0, atol=0.1)
    torch.testing.assert_close(samples.std(0), torch.tensor([0.1, 3.0]), rtol=0.03, atol=0.0)
    assert torch.equal(distribution.mode(), distribution.mean)


def test_categorical_agrees_with_torch() -> None:
    new, old = Categorical(torch.randn(5, 4)), Categorical(torch.randn(5, 4))
    torch_new, torch_old = TorchCategorical(logits=new.logits), TorchCategorical(logits=old.logits)
    actions = torch.tensor([0, 1, 2, 3, 0])
    torch.testing.assert_close(new.log_prob(actions), torch_new.log_prob(actions))
    torch.testing.assert_close(new.entropy(), torch_new.entropy())
    torch.testing.assert_close(new.kl_from(old), kl_divergence(torch_old, torch_new))


def test_categorical_samples_have_its_frequencies() -> None:
    probabilities = torch.tensor([0.1, 0.6, 0.3])
    distribution = Categorical(probabilities.log().expand(20_000, 3))
    samples = distribution.sample(torch.Generator().manual_seed(0))
    frequencies = torch.bincount(samples, minlength=3) / 20_000
    torch.testing.assert_close(frequencies, probabilities, rtol=0.0, atol=0.015)
    assert distribution.mode()[0] == 1
