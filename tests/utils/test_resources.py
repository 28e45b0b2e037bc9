"""What a process believes to have of the machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fer_batch.utils import resources
from fer_batch.utils.resources import Processor, from_cpuinfo, from_sysctl, this_processor


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is the system's")
def test_only_the_cores_that_a_process_may_use_count() -> None:
    program = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    program += "from fer_batch.utils.resources import available_cores; print(available_cores())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_a_containers_share_of_time_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(resources, "_groups", lambda _: [tmp_path])
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert resources.available_cores() == (cores or 64)


def test_a_containers_memory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory().available
    assert resources.available_memory_bytes() <= 1.1 * free
    (tmp_path / "memory.max").write_text("9000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    monkeypatch.setattr(resources, "_groups", lambda _: [tmp_path])
    assert resources.available_memory_bytes() == 7_000_000


@pytest.mark.parametrize(
    ("limit", "used", "cached"),
    [
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_files_that_were_read_take_no_memory_from_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, cached: str
) -> None:
    for name, text in {limit: "9000000", used: "8900000", "memory.stat": f"anon 1\n{cached} 6900000"}.items():
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(resources, "_groups", lambda _: [tmp_path])
    assert resources.available_memory_bytes() == 7_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "processor\t: 0\nmodel\t\t: 207\nmodel name\t: Some Xeon\n"
            "flags\t\t: sse4_2 avx avx2 avx512f avx_vnni amx_bf16 avx512_vnni amx_tile\n",
            Processor("Some Xeon", ("AVX", "AVX2", "AVX-512", "AVX-512 VNNI", "AVX-VNNI", "AMX")),
        ),
        # The first processor counts.
        (
            "processor: 0\nmodel name: First\nflags: sse2\n\nprocessor: 1\nmodel name: Second\nflags: avx\n",
            Processor("First", ()),
        ),
        (
            "processor\t: 0\nFeatures\t: fp asimd crc32 asimddp i8mm\nCPU part\t: 0xd0b\n\nModel\t\t: Some Board\n",
            Processor("Some Board", ("NEON", "NEON dot product", "NEON I8MM")),
        ),
        ("processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\n", Processor("", None)),
    ],
)
def test_linux(text: str, expected: Processor) -> None:
    assert from_cpuinfo(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "machdep.cpu.brand_string: Some Core\nmachdep.cpu.features: SSE4.2 AVX1.0\n"
            "machdep.cpu.leaf7_features: BMI1 AVX2 AVX512F\nhw.optional.neon: 0\nhw.optional.avx512vnni: 0\n",
            Processor("Some Core", ("AVX", "AVX2", "AVX-512")),
        ),
        (
            "machdep.cpu.brand_string: Some M\nhw.optional.neon: 1\nhw.optional.arm.FEAT_DotProd: 1\n"
            "hw.optional.arm.FEAT_I8MM: 1\nhw.optional.arm.FEAT_SME: 0\n",
            Processor("Some M", ("NEON", "NEON dot product", "NEON I8MM")),
        ),
        ("", Processor("", None)),
    ],
)
def test_macos(text: str, expected: Processor) -> None:
    assert from_sysctl(text) == expected


@pytest.mark.skipif(sys.platform not in {"linux", "darwin"}, reason="other systems list none")
@pytest.mark.skipif(platform.machine() not in {"x86_64", "arm64", "aarch64"}, reason="others are not known")
def test_this_machine_is_known() -> None:
    found = this_processor()
    assert found.name
    assert found.instructions is not None
