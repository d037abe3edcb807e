"""The command line, with what people get wrong: two lines that help, the right exit code, nothing left behind."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeswap.model import rehearsal
from edgeswap.system.scratch import PREFIX
from tests.models import digits, write_npz

COMMAND = str(Path(sysconfig.get_path("scripts")) / "edgeswap")


def everything_below(folder: Path) -> dict[str, bytes | None]:
    # AutoGraph, a part of TensorFlow, removes its generated files when the process ends.
    # An empty folder for temporary files belongs to a standing process (the reader of model files, the converter) that
    # began in this test and lives on; what ended processes leave is cleared, which test_output holds.
    found = (path for path in folder.rglob("*") if not path.name.startswith(("__autograph_generated_file", PREFIX)))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def assert_two_lines(stderr: str, problem: str, remedy: str) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert lines[0].startswith("error: "), lines[0]
    assert problem in lines[0]
    assert remedy in lines[1]
    assert "Traceback" not in stderr


@pytest.fixture
def refused(edgeswap, place):
    """Runs a command that must fail, by what its two lines must say, and look at what is left behind."""

    def check(arguments, problem, remedy, code=1, steps=(r".+ \(\d+\.\d s\)",)):
        before = everything_below(place.parent)
        ran = edgeswap(*arguments)
        # On a busy machine a step before the error may have taken the 2 s from which on it is told.
        told, error, rest = re.sub(r"(?m)^warning: .*\n.*\n", "", ran.stderr).partition("error: ")
        assert all(any(re.fullmatch(step, line) for step in steps) for line in told.splitlines())
        assert_two_lines(error + rest, problem, remedy)
        assert ran.code == code
        assert ran.stdout == ""
        left = everything_below(place.parent)
        if left != before:
            rehearsal._child.end()  # as the end of a process does, which the child may outrun here
            left = everything_below(place.parent)
        assert left == before  # of one look: the child may be about to make its folder

    return check


# --- wrong usage ------------------------------------------------------------------------------------------------------

WRONG_USAGE = {
    "no command": ([], "Expected a command (", "edgeswap --help"),
    "unknown command": (["exprot"], "No such command 'exprot'", "edgeswap --help"),
    "unknown flag": (
        ["export", "--fast"],
        "Expected an option that 'edgeswap export' has, got '--fast'",
        "export --help",
    ),
    "misspelt flag": (["export", "--dat", "x"], "got '--dat'", "Did you mean --data?"),
    "flag without its value": (["export", "--data"], "Option '--data' requires an argument", "--help"),
    "two models": (["export", "a.keras", "b.keras"], "unexpected extra argument (b.keras)", "export --help"),
    "unknown activation": (["export", "--activation", "foo"], "got 'foo'", "clipped_elu, "),
    "unknown parameter": (["export", "--activation", "relu6(beta=1)"], "'beta'", "none"),
    "rule without a target": (
        ["export", "--swap", "swish"],
        "Expected PATTERN=ACTIVATION, got 'swish'",
        "swish=hard_swish",
    ),
    "rule to what is unknown": (["export", "--swap", "swish=foo"], "got 'foo'", "relu6"),
    "unknown method": (
        ["export", "--method", "foo"],
        "Expected 'ptq', 'qat' or 'auto' for --method, got 'foo'",
        "--help",
    ),
    "unknown resize": (
        ["swap", "m.keras", "--resize", "wide", "-o", "n.keras"],
        "Expected 'pillow', 'keras' or 'crop' for --resize, got 'wide'",
        "See: edgeswap swap --help",
    ),
    "unknown preprocess": (["export", "--preprocess", "foo"], "got 'foo'", "trained with"),
    "unknown target": (["export", "--target", "moon"], "got 'moon'", "host"),
    "misspelt target": (["export", "--target", "emulator:pi6"], "got 'emulator:pi6'", "Did you mean 'emulator:pi"),
    "an NPU alone": (["export", "--target", "ethos-u55-128"], "a target that runs the models", "--target host"),
    "bench of one file": (["bench", "a.tflite"], "Expected two .tflite files or more", "edgeswap bench model_float32"),
    "bench with too few threads": (
        ["bench", "a.tflite", "b.tflite", "--threads", "0"],
        "at least 1 for --threads, got '0'",
        "bench --help",
    ),
    "bench of samples without data": (
        ["bench", "a.tflite", "b.tflite", "--samples", "3"],
        "Expected --data for --samples",
        "--data SPEC",
    ),
    "a target to do nothing with": (["target", "moon"], "No such command 'moon'", "target --help"),
    "a target twice": (["export", "--target", "host", "--target", "host"], "each target once", "one time"),
    "epochs that are no number": (
        ["export", "--epochs", "many"],
        "Expected a whole number of at least 1 for --epochs, got 'many'",
        "--help",
    ),
    "no epoch": (["export", "--epochs", "0"], "Expected a whole number of at least 1 for --epochs, got '0'", "--help"),
    "half an epoch": (
        ["export", "--recover-epochs", "1.5"],
        "Expected a whole number of at least 0 for --recover-epochs",
        "--help",
    ),
    "a negative limit": (["export", "--max-drop", "-1"], "Expected a number of at least 0 for --max-drop", "--help"),
    "a limit that is no number": (["export", "--max-drop", "nan"], "Expected a finite number for --max-drop", "--help"),
    "no time": (["export", "--max-latency-ms", "0"], "Expected a number above 0 for --max-latency-ms", "--help"),
    "no bytes": (["export", "--max-size", "1e3"], "Expected a whole number above 0 for --max-size", "--help"),
    "a seed that is too large": (
        ["export", "--seed", str(2**31)],
        "Expected a number below 2,147,483,648 for --seed",
        "--help",
    ),
    "a custom object without a module": (
        ["export", "--custom-objects", "Mine"],
        "Expected MODULE:NAME",
        "mylayers:MyLayer",
    ),
    "no data": (["export", "model.keras"], "Expected data for a model of your own, got none", "--data SPEC"),
    "nothing to train on": (
        ["export", "model.keras", "--calibration", "c.npz", "--test-data", "t.npz"],
        "Expected --data to fine-tune on, got none",
        "--method ptq",
    ),
    "a swap of nothing": (
        ["swap", "model.keras", "-o", "new.keras"],
        "Expected something to swap",
        "--activation NAME",
    ),
    "a swap to nowhere": (
        ["swap", "model.keras", "--activation", "relu6"],
        "'--output' for 'edgeswap swap', got none",
        "--help",
    ),
    "a swap to another kind of file": (
        ["swap", "model.keras", "--activation", "relu6", "-o", "new.h5"],
        "ends in .keras",
        "-o new.keras",
    ),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage(case, place, refused):
    (place / "model.keras").touch()
    arguments, problem, remedy = WRONG_USAGE[case]
    refused(arguments, problem, remedy, code=2)


@pytest.mark.parametrize("command", [["export", "--int8"], ["analyze"], ["sweep", "--activation", "relu6,swish"]])
def test_a_model_that_is_not_there_is_told_before_data_are_asked_for(command, refused):
    refused([*command, "nothing.keras"], "'nothing.keras' does not exist", "Check the path", code=1)


WRONG_SETTINGS = {
    "unknown key": ("[export]\nepocs = 3\n", "Unknown setting 'epocs' in edgeswap.toml.", "Did you mean 'epochs'?"),
    "unknown table": (
        "[exprot]\nepochs = 3\n",
        "Expected the table [export] alone in edgeswap.toml, got 'exprot'",
        "[export]",
    ),
    "no table": ("export = 3\n", "Expected export to be a table in edgeswap.toml, got the value 3", "[export]"),
    "broken": ("[export\n", "Expected TOML in edgeswap.toml, got: ", "edgeswap.toml"),
    "not text": ("\udcff", "Expected TOML in edgeswap.toml", "edgeswap.toml"),
    "wrong number": ("[export]\nepochs = 0\n", "at least 1 for epochs in edgeswap.toml, got 0", "--help"),
    "absurd number": (
        f"[export]\nepochs = {10**23}\n",
        f"Expected a number of at most 1,000,000 for epochs in edgeswap.toml, got {10**23}.",
        "--help",
    ),
    "no number": ("[export]\nepochs = true\n", "a whole number for epochs in edgeswap.toml", "--help"),
    "wrong activation": ('[export]\nactivation = "foo"\n', "got 'foo'", "relu6"),
    "no text": ("[export]\nactivation = 6\n", "Expected a text for activation in edgeswap.toml, got 6", "--help"),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_wrong_settings_in_the_file(case, place, refused):
    content, problem, remedy = WRONG_SETTINGS[case]
    (place / "edgeswap.toml").write_bytes(content.encode(errors="surrogateescape"))
    refused(["export"], problem, remedy, code=2)


# --- files ------------------------------------------------------------------------------------------------------------


def bad_model(case: str, place: Path, tiny: Path) -> Path:
    """A model file that is wrong in one way, in `place`."""
    whole = (tiny / "tiny.keras").read_bytes()
    old = (tiny / "old.h5").read_bytes()
    content = {
        "empty": (b"", "model.keras"),
        "text": (b"not a model\n", "model.keras"),
        "truncated": (whole[: len(whole) // 2], "model.keras"),
        "truncated .h5": (old[: len(old) // 2], "model.h5"),
        "arrays": (b"PK\x03\x04", "model.npz"),
        "weights alone": ((tiny / "only.weights.h5").read_bytes(), "model.h5"),
    }
    if case in content:
        data, name = content[case]
        (place / name).write_bytes(data)
        return place / name
    file = place / "model.keras"
    if case == "missing":
        return file
    if case == "a folder":
        file.mkdir()
        return file
    with zipfile.ZipFile(tiny / "tiny.keras") as source, zipfile.ZipFile(file, "w") as changed:
        for name in source.namelist():
            data = source.read(name)
            if case == "another zip" and name == "config.json":
                continue
            if case == "with code" and name == "config.json":
                data = data.replace(b'"class_name": "Flatten"', b'"class_name": "Lambda"')
            if case == "broken weights" and name == "model.weights.h5":
                data = data[: len(data) // 2]
            changed.writestr(name, data)
    return file


BAD_MODELS = {
    "missing": ("does not exist", "Check the path"),
    "empty": ("is empty", "Save the model again"),
    "text": ("is neither a zip nor an HDF5 file, or it is cut short", "model.save('model.keras')"),
    "truncated": ("is a zip that cannot be read", "Copy the file again if it came cut or changed"),
    "truncated .h5": ("cannot be read", "came cut or changed"),
    "weights alone": ("holds only weights", "not save_weights"),
    "arrays": ("is data: NumPy arrays", "Give a .keras or .h5 file"),
    "a folder": ("without saved_model.pb", "model.save"),
    "another zip": ("it holds no config.json", "model.save('model.keras')"),
    "with code": ("holds a Lambda layer", "--trust"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
@pytest.mark.parametrize("command", ["export", "swap"])
def test_a_bad_model(case, command, place, tiny, refused):
    problem, remedy = BAD_MODELS[case]
    model = bad_model(case, place, tiny)
    more = ["--data", "digits"] if command == "export" else ["--activation", "relu6", "-o", "new.keras"]
    refused([command, model, *more], problem, remedy)


def test_a_model_whose_weights_are_broken(place, tiny, refused):
    model = bad_model("broken weights", place, tiny)
    refused(
        ["export", model, "--data", "digits"], "HDF5 cannot read it", "Copy the file again if it came cut or changed"
    )


def test_a_layer_of_the_users_own_that_was_not_given(place, refused):
    from edgeswap.frameworks import keras

    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(Own()(inputs)))).save(place / "own.keras")
    refused(
        ["export", "own.keras", "--data", "digits"],
        "own.keras' names 'Own'",
        "--custom-objects",
    )


@pytest.mark.slow
def test_labels_that_do_not_tell_what_the_model_is_for(place, refused):
    from edgeswap.frameworks import keras

    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs)).save(place / "image.keras")
    flags = ["--data", "digits", "--preprocess", "unit"]
    refused(["export", "image.keras", *flags], "Expected labels that tell what the model is for", "--task outputs")


@pytest.mark.slow
def test_an_input_of_any_size(place, refused):
    from edgeswap.frameworks import keras

    inputs = keras.Input((None, None, 1))
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(inputs))).save(place / "any.keras")
    refused(["export", "any.keras", "--data", "digits"], "Expected inputs of fixed size", "size that it will have")


# --- data -------------------------------------------------------------------------------------------------------------


def bad_data(case: str, place: Path) -> list[object]:
    """The flags with data that is wrong in one way, its file in `place`."""
    x, y = digits("train")
    floats = (x / 255).astype(np.float32)
    nan, infinite = floats.copy(), floats.copy()
    nan[7, 3, 3], infinite[9, 1, 1] = np.nan, np.inf
    changed = {
        "another shape": {"x": x[:, :7]},
        "no channel": {"x": x[..., 0]},
        "NaN": {"x": nan},
        "infinity": {"x": infinite},
        "labels out of range": {"y": y + 5},
        "negative labels": {"y": y - 1},
        "fewer labels": {"y": y[:-1]},
        "texts": {"x": np.full((20, 8, 8, 1), "a")},
        "no samples": {"x": x[:0], "y": y[:0]},
        "one sample over and over": {"x": np.repeat(x[:1], len(x), axis=0)},
        "another name": {"x": None, "images": x},
        "pickled": {"x": np.array([{}] * 20, dtype=object)},
    }
    if case == "text":
        (place / "data.npz").write_text("not an array\n")
    elif case == "empty":
        (place / "data.npz").touch()
    elif case == "truncated":
        whole = write_npz(place / "data.npz", "train").read_bytes()
        (place / "data.npz").write_bytes(whole[: len(whole) // 2])
    elif case == "no images":
        (place / "photos" / "a").mkdir(parents=True)
        (place / "photos" / "a" / "notes.txt").write_text("hello")
        return ["--data", "photos"]
    elif case == "another kind":
        (place / "data.csv").write_text("1,2,3\n")
        return ["--data", "data.csv"]
    elif case != "missing":
        write_npz(place / "data.npz", "train", **changed[case])
    return ["--data", "data.npz"]


BAD_DATA = {
    "missing": ("got 'data.npz', which does not exist", "an .npz"),
    "empty": ("which is empty", "an .npz"),
    "another kind": ("no file of a kind that is read", "csv:data.csv"),
    "text": ("data.npz", "numpy.savez"),
    "truncated": ("data.npz", "numpy.savez"),
    "pickled": ("data.npz", "numpy.savez"),
    "no images": ("Expected images", "one folder per class"),
    "another shape": ("Expected x of shape (samples, 8, 8, 1)", "Reshape or resize"),
    "no channel": ("got (240, 8, 8)", "channel axis"),
    "NaN": ("NaN or infinity, first in sample 7", "remove these"),
    "infinity": ("NaN or infinity, first in sample 9", "remove these"),
    "labels out of range": ("got labels int64 of shape (48,) from 5 to 14", "Correct the labels"),
    "negative labels": ("got labels int64 of shape (48,) from -1 to 8", "Correct the labels"),
    "fewer labels": ("Expected labels for 240 samples", "one label for each sample"),
    "texts": ("Expected numbers in x", "pixels or floats"),
    "no samples": ("Expected samples in x of data.npz, got none", "how the array was made"),
    "one sample over and over": ("got 240 that are all the same", "one sample again and again"),
    "another name": ("Expected x and optionally y in data.npz, got images", "labels y"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case, place, tiny, refused):
    problem, remedy = BAD_DATA[case]
    flags = bad_data(case, place)
    refused(["export", tiny / "tiny.keras", "--preprocess", "unit", *flags], problem, remedy)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["missing", "NaN", "another shape", "no samples"])
def test_bad_calibration_data(case, place, tiny, refused):
    problem, remedy = BAD_DATA[case]
    _, file = bad_data(case, place)
    flags = ["--data", tiny / "train.npz", "--calibration", file, "--preprocess", "unit"]
    refused(["export", tiny / "tiny.keras", *flags], problem, remedy)


@pytest.mark.slow
def test_bad_calibration_data_of_the_example_is_told_before_its_training(place, refused):
    started = time.monotonic()
    _, file = bad_data("NaN", place)
    refused(["export", "--calibration", file], *BAD_DATA["NaN"])
    assert time.monotonic() - started < 5  # its training takes more than 10 s


@pytest.mark.slow
def test_too_few_calibration_samples(place, tiny, refused):
    x, y = digits("train")
    write_npz(place / "few.npz", "train", x=x[:5], y=y[:5])
    flags = ["--data", tiny / "train.npz", "--calibration", "few.npz", "--preprocess", "unit"]
    refused(["export", tiny / "tiny.keras", *flags], "Expected at least 10 samples to calibrate on, got 5", "Give more")


@pytest.mark.slow
def test_images_without_preprocess(place, tiny, refused):
    refused(
        ["export", tiny / "tiny.keras", "--data", tiny / "train.npz"], "Expected --preprocess for images", "unit (0..1)"
    )


@pytest.mark.slow
def test_whole_numbers_are_pixels_until_it_is_said_that_they_are_not(place, tiny, refused):
    write_npz(place / "data.npz", "train", x=digits("train")[0].astype(np.int64))
    refused(["export", tiny / "tiny.keras", "--data", "data.npz"], "Expected --preprocess for images", "not pixels")


@pytest.mark.slow
def test_the_same_samples_for_training_and_test(tiny, refused):
    flags = ["--data", tiny / "train.npz", "--test-data", tiny / "train.npz", "--preprocess", "unit"]
    problem = "Expected no training sample in the test samples, got 240 of 240"
    refused(["export", tiny / "tiny.keras", *flags], problem, "leave out --test-data")


@pytest.mark.slow
def test_one_sample_for_training_and_test(place, tiny, refused):
    x, y = digits("test")
    x[3] = digits("train")[0][11]
    write_npz(place / "test.npz", "test", x=x, y=y)
    flags = ["--data", tiny / "train.npz", "--test-data", "test.npz", "--preprocess", "unit"]
    refused(["export", tiny / "tiny.keras", *flags], "got 1 of 240", "leave out --test-data")


@pytest.mark.slow
def test_the_same_samples_for_calibration_and_test(tiny, refused):
    flags = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--calibration", tiny / "test.npz"]
    problem = "Expected no calibration sample in the test samples"
    refused(["export", tiny / "tiny.keras", *flags, "--preprocess", "unit"], problem, "Remove them")


@pytest.mark.slow
def test_a_float_model_that_scores_chance(place, tiny, refused):
    write_npz(place / "data.npz", "train", y=np.random.default_rng(0).permutation(digits("train")[1]))
    flags = ["--data", "data.npz", "--preprocess", "unit"]
    refused(
        ["export", tiny / "tiny.keras", *flags],
        "Expected a trained model, but the float32 model is right on",
        "--preprocess",
    )


@pytest.mark.slow
def test_a_rule_that_fits_nothing_is_told_before_the_example_is_trained(refused):
    # Its training takes more than 10 s, of which a line on stderr would tell.
    refused(["export", "--swap", "block_9*=relu6"], "'block_9*' fits none", "Its activations are", code=2, steps=())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lines", "problem"),
    [("zero\none\n", "Expected 10 class names"), ("\udcff", "Expected class names in"), (None, "is not there")],
)
def test_labels(lines, problem, place, tiny, refused):
    if lines is not None:
        (place / "labels.txt").write_bytes(lines.encode(errors="surrogateescape"))
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit", "--labels", "labels.txt"]
    refused(["export", tiny / "tiny.keras", *flags], problem, "")


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["export", "bench"])
def test_a_delegate_that_is_not_there(command, tiny, refused):
    models = ["a.tflite", "b.tflite"] if command == "bench" else [tiny / "tiny.keras", "--data", tiny / "train.npz"]
    arguments = [command, *models, "--delegate", "./libmine.so"]
    refused(arguments, "'./libmine.so' is not there", "/usr/lib/libmydelegate.so", steps=())


@pytest.mark.slow
def test_an_edge_tpu_without_its_library_is_told_before_training(place, tiny, refused, monkeypatch):
    monkeypatch.setattr("edgeswap.targets.edgetpu.installed.LIBRARY", "libedgetpu-of-nobody.so")
    compiler = place / "edgetpu_compiler"
    compiler.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(place))
    arguments = ["export", tiny / "tiny.keras", "--data", tiny / "train.npz", "--delegate", "edgetpu"]
    refused(arguments, "Expected libedgetpu-of-nobody.so on this machine", "libedgetpu1-std", steps=())


# --- output -----------------------------------------------------------------------------------------------------------


def test_the_output_is_a_file(place, refused):
    (place / "out").write_text("mine")
    refused(["export"], "'out' is a file", "--output")


def test_the_output_is_below_a_file(place, refused):
    (place / "file").write_text("mine")
    refused(["export", "--output", "file/out"], "is a file", "another output")


def test_the_output_exists(place, refused):
    (place / "out").mkdir()
    refused(["export"], "'out' exists", "--overwrite")


def test_overwrite_replaces_earlier_output_alone(place, refused):
    (place / "out").mkdir()
    (place / "out" / "thesis.tex").write_text("years of work")
    refused(["export", "--overwrite"], "holds no report.json", "remove the folder yourself")
    (place / "out" / "report.json").write_text("{}")
    refused(["export", "--overwrite"], "also holds 'thesis.tex'", "elsewhere")


@pytest.mark.slow
def test_parents_made_for_a_run_that_failed_are_gone(place, tiny, refused):
    flags = ["--data", tiny / "train.npz", "--output", "a/b/out"]
    refused(["export", tiny / "tiny.keras", *flags], "Expected --preprocess", "unit")


def test_a_full_output_disk(place, tiny, full_disk, refused):
    disk = full_disk("4k,nr_inodes=1")
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit", "--output", disk / "out"]
    refused(["export", tiny / "tiny.keras", *flags], "No space left on device", "Free some space")
    assert not list(disk.iterdir())


@pytest.mark.slow
def test_a_full_disk_for_temporary_files(place, tiny, full_disk, refused, monkeypatch):
    disk = full_disk("64k")
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    # AutoGraph imports what it makes from the temporary folder, where Python would keep it compiled.
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit", "--method", "ptq"]
    refused(["export", tiny / "tiny.keras", *flags], f"Expected room for temporary files in '{disk}'", "TMPDIR")


@pytest.mark.parametrize("exists", ["file", "folder"])
def test_a_swap_overwrites_nothing_unasked(exists, place, tiny, refused):
    (place / "new.keras").write_text("mine") if exists == "file" else (place / "new.keras").mkdir()
    problem, remedy = {"file": ("exists", "--overwrite"), "folder": ("is a folder", "Name a file")}[exists]
    refused(["swap", tiny / "tiny.keras", "--activation", "relu6", "-o", "new.keras"], problem, remedy)


# --- help, debugging, surprises ---------------------------------------------------------------------------------------


def test_help_and_version(edgeswap):
    for arguments in (["--help"], ["-h"], ["export", "--help"], ["swap", "--help"], ["bench", "--help"], ["--version"]):
        ran = edgeswap(*arguments)
        assert (ran.code, ran.stderr) == (0, "")
        assert "edgeswap" in ran.stdout
        assert max(map(len, ran.stdout.splitlines())) <= 110


@pytest.mark.parametrize("columns", [80, 110])
def test_every_help_fits_the_terminal_and_lists_every_option_with_a_sentence(columns, monkeypatch, capsys):
    import click

    from edgeswap.cli.main import cli, run

    monkeypatch.setenv("COLUMNS", str(columns))
    groups = {**cli.commands, "": cli}
    commands = {
        name: command
        for group, found in groups.items()
        for name, command in {
            group: found,
            **({f"{group} {name}".strip(): child for name, child in getattr(found, "commands", {}).items()}),
        }.items()
    }
    assert {"export", "target list", "bundle verify"} <= set(commands)
    for name, command in commands.items():
        assert run([*name.split(), "--help"]) == 0
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= columns
        assert "..." not in shown.partition("Commands:")[2], "a command's summary is cut off"
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.opts[0] in shown
                assert param.help.endswith((".", "]"))


@pytest.mark.parametrize("arguments", [["--debug", "export"], ["export", "--debug"]])
def test_debug_shows_the_traceback(arguments, place, edgeswap):
    from edgeswap.errors import OutputError

    (place / "out").mkdir()
    with pytest.raises(OutputError):
        edgeswap(*arguments)


@pytest.mark.slow
def test_what_nobody_foresaw_is_two_lines_too(place, tiny, refused, monkeypatch):
    def surprised(*_arguments, **_settings):
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("edgeswap.commands.samples.split", surprised)
    flags = ["--data", tiny / "train.npz", "--preprocess", "unit"]
    refused(["export", tiny / "tiny.keras", *flags], "edgeswap itself failed: ZeroDivisionError: one two", "--debug")


def test_a_report_that_finds_no_room():
    done = subprocess.run(f"{COMMAND} --help > /dev/full", shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert_two_lines(done.stderr, "got a full disk", "Free some space")


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(f"{COMMAND} export --help | true", shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


# --- what needs no TensorFlow is told at once -------------------------------------------------------------------------

AT_ONCE = {
    "unknown activation": ["export", "--activation", "foo"],
    "existing output": ["export", "--output", "."],
    "missing data": ["export", "{tiny}/tiny.keras", "--data", "missing.npz"],
    "missing bench": ["bench", "missing.tflite", "missing.tflite"],
    **{f"{case} model": ["export", "{model}", "--data", "digits"] for case in BAD_MODELS},
}

PROBE = """
import sys
from edgeswap.cli.main import run
code = run(sys.argv[1:])
slow = {"tensorflow", "keras", "tf_keras"} & set(sys.modules)
assert not slow, slow
print(code)
"""


@pytest.mark.slow
@pytest.mark.parametrize("case", AT_ONCE)
def test_is_told_at_once(case, place, tiny):
    name = case.removesuffix(" model")
    model = bad_model(name, place, tiny) if name in BAD_MODELS else ""
    arguments = [text.format(tiny=tiny, model=model) for text in AT_ONCE[case]]
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ("2" if case == "unknown activation" else "1")
    assert len(done.stderr.splitlines()) == 2


# --- names of others on the terminal ----------------------------------------------------------------------------------


def test_a_name_in_a_zip_rewrites_no_terminal(place, tiny, edgeswap):
    with zipfile.ZipFile(place / "a.zip", "w") as archive:
        archive.writestr("cat/\x1b[2J\x1b]0;owned\x07.heic", b"x")
    ran = edgeswap("export", tiny / "tiny.keras", "--data", "a.zip", "--preprocess", "unit")
    assert ran.code == 1
    assert r"\x1b[2J" in ran.stderr
    assert "\x1b" not in ran.stderr
