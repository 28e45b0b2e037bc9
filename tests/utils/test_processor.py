"""Which vector instructions are found in what systems say of their processors."""

from __future__ import annotations

import platform
import sys

import pytest

from fer_batch.utils.resources import Processor, from_cpuinfo, from_sysctl, this_processor


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
