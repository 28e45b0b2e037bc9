"""What importing costs, and that no module takes the place of a public name."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module

import pytest

import fer_batch

HEAVY = "av", "cv2", "matplotlib", "mediapipe", "numpy", "onnxruntime", "pandas", "pyarrow", "torch"


@pytest.mark.parametrize(
    "program",
    [
        "import fer_batch",
        "import fer_batch.cli.main",
        "import sys\nsys.argv[1:] = ['--help']\nfrom fer_batch.cli.main import main\n"
        "try:\n main()\nexcept SystemExit: pass",
    ],
    ids=["fer_batch", "fer_batch.cli.main", "fer-batch --help"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program: str) -> None:
    program += f"\nimport sys\nprint('\\nheavy', *({{*{HEAVY}}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["heavy"]


def test_a_run_begins_without_pandas_opencv_and_mediapipe() -> None:
    program = (
        "import sys, fer_batch.cli.main, fer_batch.cli.runs.analyze\n"
        "print(sorted({'cv2', 'av', 'mediapipe', 'pandas', 'matplotlib', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_errors_can_be_named_by_their_module() -> None:
    program = "import fer_batch; print(fer_batch.errors.InputError is fer_batch.InputError)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_every_public_name_is_exported_and_has_a_home() -> None:
    assert sorted([*fer_batch._HOMES, "__version__"]) == sorted(fer_batch.__all__)
    assert all(getattr(fer_batch, name) is not None for name in fer_batch.__all__)


def test_no_module_has_the_name_of_something_that_its_package_offers() -> None:
    packages = [fer_batch] + [
        import_module(found.name) for found in pkgutil.walk_packages(fer_batch.__path__, "fer_batch.") if found.ispkg
    ]
    assert len(packages) > 15
    for package in packages:
        modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
        offered = set(getattr(package, "__all__", ())) | {
            name for name, value in vars(package).items() if callable(value) and not name.startswith("_")
        }
        assert not modules & offered, package.__name__
