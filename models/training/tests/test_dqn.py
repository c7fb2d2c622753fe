"""The Q-network's training: its traffic, its targets, what it learns of a problem with a known answer, its files."""

import base64
import json
import subprocess
import sys
from dataclasses import replace
from math import sqrt

import numpy
import pytest
import torch
from spillway_training.dqn.arrivals import Geometric, Modulated, draw_two_states, parse_arrival
from spillway_training.dqn.cell import Cell
from spillway_training.dqn.checkpoint import dqn_checkpoint_path
from spillway_training.dqn.command_line import main
from spillway_training.dqn.export import policy_of
from spillway_training.dqn.inputs import InputScaling, Scale, fit_scaling
from spillway_training.dqn.network import QNetwork
from spillway_training.dqn.recipe import DqnRecipe, parse_dqn_recipe, read_dqn_recipe
from spillway_training.dqn.samples import sort_samples
from spillway_training.dqn.sequences import Independent, LocationReset, parse_sequence
from spillway_training.dqn.targets import available_pairs, bellman_targets, best_values, worth_offloading
from spillway_training.dqn.token_grid import TokenGrid, token_grid
from spillway_training.dqn.traffic import Traffic, draw_traffic
from spillway_training.dqn.train import begin, train_dqn, train_iteration
from spillway_training.dqn.validate import mean_reward, play
from spillway_training.errors import TrainingError
from spillway_training.paths import TRAINING_FOLDER

CPU = torch.device("cpu")
TOY = Cell(rate=0.5, depth=2, arrival="periodic", sequence="iid")  # q 1, p 2, m 4
TINY = DqnRecipe(
    history=4,
    hidden_layers=2,
    hidden_width=16,
    iterations=6,
    batches_per_iteration=4,
    batch_size=32,
    sequences=4,
    checkpoint_interval=2,
    validation_interval=3,
    validation_sequences=2,
    validation_frames=20,
)


class KilledError(Exception):
    pass


@pytest.fixture
def random():
    return numpy.random.default_rng(3)


@pytest.fixture(scope="module")
def samples():
    """Metrics that are the expected rewards, and noisy rewards of -1, 0 or 1."""
    random = numpy.random.default_rng(1)
    metrics = random.random(2000)
    return sort_samples(metrics, (random.random(2000) < metrics).astype(numpy.float64))


# Traffic


@pytest.mark.parametrize(
    ("rate", "depth", "expected"),
    [
        (0.1, 4, TokenGrid(1, 10, 40)),
        (0.05, 10, TokenGrid(1, 20, 200)),
        (0.25, 1, TokenGrid(1, 4, 4)),
        (0.5, 2.5, TokenGrid(1, 2, 5)),
        (2, 3, TokenGrid(2, 1, 3)),
        (1 / 3, 1, TokenGrid(1, 3, 3)),
        (0.001, 1, TokenGrid(1, 100, 100)),
        (0.01, 100, TokenGrid(1, 100, 10_000)),
    ],
)
def test_token_grid(rate, depth, expected):
    assert token_grid(rate, depth) == expected


@pytest.mark.parametrize(("rate", "depth"), [(0, 1), (float("nan"), 1), (0.1, 0.999), (0.01, 100.01)])
def test_token_grid_out_of_range(rate, depth):
    with pytest.raises(TrainingError, match="expected"):
        token_grid(rate, depth)


def test_locations_are_kept_until_a_reset_and_wrap_round(random):
    places = LocationReset(0.1, 0.05).draw(random, 1000, 20, 20_000)
    # Two frames of one location are less than the spread apart, counted round the circle.
    steps = numpy.diff(places, axis=1) % 1000
    near = (steps < 100) | (steps > 900)
    # A reset lands near by chance: the difference of two places, each uniform over a tenth, seldom exceeds a tenth.
    far_after_reset = 1 - 199 / 1000
    assert (~near).mean() == pytest.approx(0.05 * far_after_reset, rel=0.03)
    # Round a circle no place is special; without wrapping the last would get twenty times its share.
    counts = numpy.bincount(places.ravel(), minlength=1000)
    assert len(counts) == 1000
    assert 200 < counts.min() and counts.max() < 600


def test_location_reset_at_its_limits(random):
    kept = LocationReset(0.1, 0).draw(random, 1000, 50, 500)
    assert ((kept - kept[:, :1] + 100) % 1000).max() < 200 and len(numpy.unique(kept[:, 0])) > 40
    spans = numpy.sort((kept - kept[:, :1] + 500) % 1000, axis=1)
    assert (spans[:, -1] - spans[:, 0]).max() == 99
    always_the_same = LocationReset(1e-9, 0).draw(random, 1000, 3, 50)
    assert (always_the_same == always_the_same[:, :1]).all()
    fresh = LocationReset(1e-9, 1).draw(random, 10, 1, 50_000)
    assert numpy.bincount(fresh[0]) / 50_000 == pytest.approx(numpy.full(10, 0.1), abs=0.01)


def test_independent_draws_are_uniform(random):
    places = Independent().draw(random, 10, 5, 10_000)
    assert numpy.bincount(places.ravel()) / 50_000 == pytest.approx(numpy.full(10, 0.1), abs=0.01)
    assert numpy.corrcoef(places[:, 1:].ravel(), places[:, :-1].ravel())[0, 1] == pytest.approx(0, abs=0.02)


def unit_by_unit(random, arrival, frames):
    """The definition: at each image its state's interval, then one step of the chain a unit."""
    state, intervals, states = 0, [], []
    for _ in range(frames):
        states.append(state)
        intervals.append(arrival.intervals[state])
        for _ in range(arrival.intervals[state]):
            state ^= int(random.random() < arrival.leave_per_unit[state])
    return numpy.array(intervals), numpy.array(states)


def test_modulated_arrivals_match_the_chain_over_units(random):
    arrival = Modulated((1, 3), (0.1, 0.05))
    intervals = arrival.draw(random, 20, 10_000)
    slow, slow_states = unit_by_unit(random, arrival, 60_000)
    assert set(numpy.unique(intervals)) == {1, 3}
    assert (intervals == 3).mean() == pytest.approx(slow_states.mean(), abs=0.02)
    for state, interval in enumerate(arrival.intervals):
        leaves = (intervals[:, 1:] != interval)[intervals[:, :-1] == interval].mean()
        slow_leaves = (slow[1:] != interval)[slow[:-1] == interval].mean()
        assert leaves == pytest.approx(arrival.leave_per_frame[state], rel=0.03)
        assert leaves == pytest.approx(slow_leaves, rel=0.1)


def test_modulated_arrivals_are_stationary_from_the_first_frame(random):
    arrival = Modulated((1, 3), (0.001, 0.0005))
    # Two thirds of the time in state 1, where images are a third as frequent: 2/3 / 3 against 1/3.
    assert arrival.second_share == pytest.approx(0.4, rel=0.01)
    intervals = arrival.draw(random, 20_000, 3)
    for frame in range(3):
        assert (intervals[:, frame] == 3).mean() == pytest.approx(0.4, abs=0.015)
    assert arrival.mean == pytest.approx(1.8, rel=0.01)
    assert arrival.deviation == pytest.approx(2 * sqrt(0.24), rel=0.01)


def test_two_states_that_always_change_alternate(random):
    states = draw_two_states(random, (1.0, 1.0), 0.5, 40, 6)
    assert (states[:, 1:] != states[:, :-1]).all()
    assert 0 < states[:, 0].sum() < 40


def test_geometric_arrivals(random):
    arrival = Geometric(0.5)
    intervals = arrival.draw(random, 10, 10_000)
    assert intervals.min() == 1
    assert (intervals == 1).mean() == pytest.approx(0.5, abs=0.01)
    assert intervals.mean() == pytest.approx(arrival.mean, rel=0.02)
    assert intervals.std() == pytest.approx(arrival.deviation, rel=0.03)


@pytest.mark.parametrize(
    "text",
    ["", "weekly", "periodic:1", "geometric", "geometric:0", "geometric:1.01", "geometric:x", "modulated:1,3,0.1"]
    + ["modulated:0,3,0.1,0.1", "modulated:1.5,3,0.1,0.1", "modulated:1,3,0,0.1", "modulated:1,3,0.1,nan"]
    + ["modulated:inf,3,0.1,0.1"],
)
def test_bad_arrivals(text):
    with pytest.raises(TrainingError, match="--arrival: expected"):
        parse_arrival(text)


@pytest.mark.parametrize("text", ["", "iid:1", "location-reset", "location-reset:0,0.1", "location-reset:0.1,1.1"])
def test_bad_sequences(text):
    with pytest.raises(TrainingError, match="--sequence: expected"):
        parse_sequence(text)


def test_processes_at_their_limits():
    assert parse_arrival("geometric:1").deviation == 0
    assert parse_arrival("modulated:1,3,1,1") == Modulated((1, 3), (1.0, 1.0))
    assert parse_sequence("location-reset:1,0") == LocationReset(1.0, 0.0)


# Inputs, targets, the network


def test_inputs_are_oldest_first_with_the_mean_before_the_start():
    scaling = InputScaling(3, Scale(2.0, 2.0), Scale(1.0, 0.5))
    inputs = scaling.inputs(numpy.array([[4.0, 6.0, 8.0, 2.0]]), numpy.array([[1, 2, 3, 9]]))
    assert inputs[0].tolist() == [
        [0, 0, 1, 0, 0, 0],
        [0, 1, 2, 0, 0, 0],
        [1, 2, 3, 0, 0, 2],
        [2, 3, 0, 0, 2, 4],
    ]


def test_bellman_targets_of_three_levels():
    # One token is one level: p = 1, q = 1, m = 2. Next values 0, 10, 16; reward 3; interval 1; discount 0.5.
    values, grid = torch.tensor([[0.0, 10, 16]]), TokenGrid(1, 1, 2)
    targets = bellman_targets(values, torch.tensor([3.0]), torch.tensor([1]), grid, 0.5)
    # Keep: levels 0, 1, 2 become 1, 2, 2. Offload: levels 1, 2 become 1, 2.
    raw = [[5, None], [8, 3 + 5], [8, 3 + 8]]
    mean = (5 + 8 + 8 + 8 + 11) / 5
    expected = [0.0 if value is None else value - mean for pair in raw for value in pair]
    assert targets[0].tolist() == pytest.approx(expected)


def test_bellman_targets_refill_by_the_interval():
    values = torch.arange(6.0).square().repeat(2, 1)
    grid = TokenGrid(1, 2, 5)
    short, long = bellman_targets(values, torch.zeros(2), torch.tensor([1, 9]), grid, 1.0).view(2, 6, 2)
    assert (short[1, 0] - short[0, 0]).item() == pytest.approx(4 - 1)
    assert (short[5, 0] - short[4, 0]).item() == pytest.approx(0)  # both are full
    assert (long[:, 0] == long[0, 0]).all() and (long[2:, 1] == long[0, 0]).all()


def test_best_values_and_decisions_below_a_token():
    grid = TokenGrid(1, 2, 3)
    # Offloading looks best everywhere but at level 3, where it is a tie.
    outputs = torch.tensor([[0.0, 9, 0, 9, 0, 9, 4, 4]])
    assert best_values(outputs, grid).tolist() == [[0, 0, 9, 4]]
    assert worth_offloading(outputs, grid).tolist() == [[False, False, True, False]]
    assert available_pairs(grid).tolist() == [1, 0, 1, 0, 1, 1, 1, 1]


def test_buckets_never_spend_what_they_do_not_have(random):
    grid = TokenGrid(1, 3, 7)
    wanted = numpy.ones((5, 300, 8), dtype=bool)
    wanted[:, :, : grid.p] = False
    intervals = random.integers(1, 4, (5, 300))
    offloads = play(wanted, grid, intervals)
    for sequence in range(5):
        level = grid.m
        for offloaded, interval in zip(offloads[sequence], intervals[sequence], strict=True):
            assert bool(offloaded) == (level >= grid.p)
            level = min(level - grid.p * offloaded + interval, grid.m)


def test_written_gradient_is_autograds():
    network = QNetwork([5, 8, 8, 6], 0.2, seed=4, device=CPU)
    inputs, targets, weights = torch.randn(7, 5), torch.randn(7, 6), torch.tensor([1, 0, 1, 1, 0.5, 1])
    network.set_gradient(inputs, targets, weights)
    leaves = [tuple(part.clone().requires_grad_() for part in layer) for layer in network.layers]
    hidden = inputs
    for index, (weight, bias) in enumerate(leaves):
        hidden = torch.nn.functional.linear(hidden, weight, bias)
        hidden = torch.nn.functional.leaky_relu(hidden, 0.2) if index < 2 else hidden
    (weights * (hidden - targets).square()).sum().backward()
    for found, expected in zip(network.gradients, leaves, strict=True):
        for gradient, leaf in zip(found, expected, strict=True):
            torch.testing.assert_close(gradient, leaf.grad)


# Training


def exact_thresholds(samples, grid, discount):
    """Value iteration with independent images, one a unit: the metric from which level p, p + 1, .. offloads."""
    rewards = samples.metrics  # the expected reward is the metric itself in these samples
    values = numpy.zeros(grid.m + 1)
    for _ in range(2000):
        stay = discount * values[numpy.minimum(numpy.arange(grid.m + 1) + grid.q, grid.m)]
        prices = stay[grid.p :] - stay[: grid.m + 1 - grid.p]
        values = stay.copy()
        values[grid.p :] += numpy.maximum(rewards - prices[:, None], 0).mean(axis=1)
        values -= values[0]
    return prices


def learned_thresholds(training, samples, random):
    """For each level from p: the share of (metric, random past) at which the network does not offload.

    Metrics are uniform in [0, 1], so that for a policy by threshold this share is the threshold.
    """
    metrics = samples.metrics[random.integers(len(samples), size=(4000, training.recipe.history))]
    metrics[:, -1] = (numpy.arange(4000) + 0.5) / 4000
    rows = torch.from_numpy(training.scaling.metric.apply(metrics))
    with torch.no_grad():
        wanted = worth_offloading(training.network.outputs(rows), training.cell.grid)
    return 1 - wanted[:, training.cell.grid.p :].float().mean(0).numpy()


def test_thresholds_of_independent_images_are_those_of_value_iteration(samples, random, tmp_path):
    recipe = replace(
        TINY, hidden_width=32, iterations=300, batches_per_iteration=16, batch_size=64, validation_interval=300
    )
    training = train_dqn(TOY, samples, recipe, 1, tmp_path, CPU)
    exact = exact_thresholds(samples, TOY.grid, recipe.discount)
    learned = learned_thresholds(training, samples, random)
    assert exact[0] > exact[-1] + 0.1  # a full bucket is worth less: the problem is not trivial
    assert learned == pytest.approx(exact, abs=0.05)

    traffic = draw_traffic(samples, TOY, random, 20, 1000)
    at_once = traffic.rewards * play(numpy.arange(5) >= numpy.full((20, 1000, 1), 2), TOY.grid, traffic.intervals)
    assert mean_reward(training.network, training.scaling, TOY.grid, traffic) > 1.1 * at_once.mean()


@pytest.mark.parametrize("arrival", ["periodic", "geometric:0.5", "modulated:1,3,0.1,0.05"])
def test_killed_training_continues_to_the_same_weights(arrival, samples, tmp_path):
    def kill(iteration):
        if iteration == 5:  # after the checkpoint of iteration 4
            raise KilledError

    cell = replace(TOY, arrival=arrival, sequence="location-reset:0.1,0.1")
    whole = train_dqn(cell, samples, TINY, 7, tmp_path / "whole", CPU)
    with pytest.raises(KilledError):
        train_dqn(cell, samples, TINY, 7, tmp_path / "cut", CPU, kill)
    torch.manual_seed(99)  # Nothing may depend on where the global generators stand.
    numpy.random.seed(99)
    iterations = []
    resumed = train_dqn(cell, samples, TINY, 7, tmp_path / "cut", CPU, iterations.append)
    assert iterations == [5, 6]
    assert torch.equal(resumed.network.parameters, whole.network.parameters)
    other = train_dqn(cell, samples, TINY, 8, tmp_path / "other", CPU)
    assert not torch.equal(other.network.parameters, whole.network.parameters)


def test_each_iteration_draws_samples_of_its_own(samples, tmp_path):
    first, second = (begin(TOY, samples, TINY, 1, tmp_path / "none", CPU) for _ in range(2))
    second.state.iteration = 1
    train_iteration(first)
    train_iteration(second)
    assert not torch.equal(first.network.parameters, second.network.parameters)


def test_finished_training_is_not_trained_again(samples, tmp_path):
    train_dqn(TOY, samples, TINY, 1, tmp_path, CPU)
    iterations = []
    again = train_dqn(TOY, samples, replace(TINY, checkpoint_interval=1), 1, tmp_path, CPU, iterations.append)
    assert iterations == [] and again.state.iteration == 6


def test_checkpoints_of_other_settings_or_samples_and_damaged_ones_are_refused(samples, tmp_path):
    train_dqn(TOY, samples, TINY, 1, tmp_path, CPU)
    with pytest.raises(TrainingError, match="not made with these settings"):
        train_dqn(TOY, samples, replace(TINY, discount=0.9), 1, tmp_path, CPU)
    with pytest.raises(TrainingError, match="not made with these settings"):
        train_dqn(TOY, sort_samples(samples.metrics, samples.rewards + 1), TINY, 1, tmp_path, CPU)
    dqn_checkpoint_path(tmp_path, TOY, 1).write_bytes(b"not a checkpoint")
    with pytest.raises(TrainingError, match="damaged checkpoint"):
        train_dqn(TOY, samples, TINY, 1, tmp_path, CPU)


def test_diverging_training_says_so(samples, tmp_path):
    with pytest.raises(TrainingError, match="diverged in iteration 1"):
        train_dqn(TOY, sort_samples(samples.metrics, samples.rewards * 1e30), TINY, 1, tmp_path, CPU)


def test_learning_rate_falls_once():
    recipe = DqnRecipe(iterations=10, switch_share=0.5)
    assert [recipe.learning_rate(iteration) for iteration in range(10)] == [1e-3] * 5 + [1e-4] * 5


@pytest.mark.parametrize(
    ("arrival", "wish", "uses"),
    [("periodic", None, False), ("geometric:0.5", None, True), ("modulated:1,3,0.1,0.05", None, True)]
    + [("periodic", True, True), ("geometric:0.5", False, False)],
)
def test_intervals_are_inputs_where_they_vary_or_the_recipe_says_so(arrival, wish, uses, samples, tmp_path):
    recipe = replace(TINY, use_intervals=wish)
    training = begin(replace(TOY, arrival=arrival), samples, recipe, 1, tmp_path / "none", CPU)
    assert training.network.sizes[0] == (8 if uses else 4)
    assert policy_of(training, None)["usesIntervals"] is uses


# Files


def test_exported_policy_is_the_network(samples, random, tmp_path):
    cell = replace(TOY, arrival="modulated:1,3,0.1,0.05")
    training = train_dqn(cell, samples, TINY, 1, tmp_path, CPU)
    policy = json.loads(json.dumps(policy_of(training, "0" * 64)))
    assert policy["grid"] == {"q": 1, "p": 2, "m": 4} and policy["model"] == "0" * 64
    assert policy["trainedOn"]["samples"] == 2000 and policy["trainedOn"]["arrival"] == cell.arrival

    traffic = Traffic(random.random((1, 9)), numpy.zeros((1, 9)), random.integers(1, 4, (1, 9)))
    with torch.no_grad():
        expected = training.network.outputs(training.scaling.inputs(traffic.metrics, traffic.intervals)[0])
    metrics = (traffic.metrics[0, 5:9] - policy["metric"]["mean"]) / policy["metric"]["deviation"]
    # The interval at the same place precedes the frame.
    intervals = (traffic.intervals[0, 4:8] - policy["interval"]["mean"]) / policy["interval"]["deviation"]
    values = numpy.concatenate([metrics, intervals])
    for index, layer in enumerate(policy["layers"]):
        weights = numpy.frombuffer(base64.b64decode(layer["weights"]), dtype="<f4")
        bias = numpy.frombuffer(base64.b64decode(layer["bias"]), dtype="<f4")
        values = weights.reshape(layer["outputs"], layer["inputs"]).astype(numpy.float64) @ values + bias
        if index < len(policy["layers"]) - 1:
            values = numpy.where(values > 0, values, policy["leak"] * values)
    assert values.shape == (10,)
    assert values == pytest.approx(expected[-1].numpy(), abs=1e-6)


def test_equal_metrics_are_scaled_to_zero():
    equal = sort_samples(numpy.full(3, 0.25), numpy.ones(3))
    scaling = fit_scaling(equal, parse_arrival("periodic"), 2, True)
    assert scaling.metric == Scale(0.25, 1.0) and scaling.interval == Scale(1.0, 1.0)


def test_shipped_recipe_is_the_published_one():
    assert read_dqn_recipe(TRAINING_FOLDER / "recipes" / "dqn" / "emsoft22.json") == DqnRecipe()


def recipe_value(**changes):
    return json.loads((TRAINING_FOLDER / "recipes" / "dqn" / "emsoft22.json").read_text(encoding="utf-8")) | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"history": 0}, "history: expected a whole number from 1"),
        ({"discount": 1.01}, "discount: expected a number from 0 to 1"),
        ({"useIntervals": "yes"}, "useIntervals: expected true, false or null"),
        ({"sequences": 17}, "sequences: expected a divisor of 16384"),
        ({"epochs": 3}, "unknown field epochs"),
    ],
)
def test_bad_recipe_values(changes, message):
    with pytest.raises(TrainingError, match=message):
        parse_dqn_recipe(recipe_value(**changes))


@pytest.fixture
def arguments(tmp_path):
    """A sound command line, by option."""
    random = numpy.random.default_rng(5)
    numpy.save(tmp_path / "metrics.npy", random.random(50).astype(numpy.float32))
    numpy.save(tmp_path / "rewards.npy", random.integers(-1, 2, 50))
    recipe = recipe_value(history=2, hiddenLayers=1, hiddenWidth=4, iterations=2, batchesPerIteration=1, batchSize=32)
    (tmp_path / "tiny.json").write_text(json.dumps(recipe), encoding="utf-8")
    return {
        "--metrics": tmp_path / "metrics.npy",
        "--rewards": tmp_path / "rewards.npy",
        "--rate": 0.5,
        "--depth": 2,
        "--arrival": "periodic",
        "--sequence": "iid",
        "--out": tmp_path / "policy.json",
        "--recipe": tmp_path / "tiny.json",
        "--runs": tmp_path / "runs",
    }


def run(arguments):
    return main(["train", *(str(part) for pair in arguments.items() for part in pair)])


def test_command_writes_the_policy(arguments):
    assert run(arguments) == 0
    policy = json.loads(arguments["--out"].read_text(encoding="utf-8"))
    assert policy["kind"] == "q-network" and policy["model"] is None and policy["interval"] is None
    assert [layer["inputs"] for layer in policy["layers"]] == [2, 4] and policy["layers"][-1]["outputs"] == 10


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--rate", 0, "--rate: expected a number above 0"),
        ("--depth", 0.5, "--depth: expected at least 1"),
        ("--arrival", "weekly", "--arrival: expected"),
        ("--sequence", "sorted", "--sequence: expected"),
        ("--seed", -1, "--seed: expected a whole number"),
        ("--model", "abc", "--model: expected 64"),
        ("--device", "abacus", "--device abacus: not usable"),
        ("--out", "nowhere/policy.json", "folder does not exist"),
        ("--metrics", "none.npy", "none.npy: not readable"),
        ("--recipe", "none.json", "none.json: recipe not readable"),
    ],
)
def test_bad_options_end_with_one_line(option, value, message, arguments, capsys):
    assert run(arguments | {option: value}) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (numpy.array([1.0, numpy.nan] + [0.0] * 48), "row 1: expected a finite number, got nan"),
        (numpy.ones(49), "expected 50 rewards, one a metric, got 49"),
        (numpy.ones((50, 1)), r"expected one real number an image, [images], got float64 [50, 1]"),
        (numpy.array(["a"] * 50), "expected one real number"),
        (numpy.ones(0), "expected at least one image"),
    ],
)
def test_bad_arrays_end_with_one_line(values, message, arguments, capsys):
    numpy.save(arguments["--rewards"], values)
    assert run(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "rewards.npy: " in line and message in line


@pytest.mark.parametrize("content", [b"", b"not an array"])
def test_damaged_arrays_end_with_one_line(content, arguments, capsys):
    arguments["--metrics"].write_bytes(content)
    assert run(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "metrics.npy: not a .npy file" in line


def test_no_traceback_from_the_module_itself(arguments):
    bad = arguments | {"--rate": -1}
    command = [sys.executable, "-m", "spillway_training.dqn", "train"]
    result = subprocess.run(
        [*command, *(str(part) for pair in bad.items() for part in pair)],
        cwd=TRAINING_FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == "" and len(result.stderr.splitlines()) == 1
