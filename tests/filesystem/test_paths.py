"""Addresses are refused without their secrets, and links are told from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_batch.errors import InputError
from fer_batch.filesystem.paths import is_shared, refuse_address


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:s3cret@camera/1", "rtsp://camera/1"),
        ("rtsp:/me:s3cret@camera/1", "rtsp://camera/1"),
        ("https://camera/1?key=s3cret", "https://camera/1"),
        ("rtsp://me:s3c?ret@camera/1", "rtsp://..."),
    ],
)
def test_an_address_is_refused_without_user_password_and_query(address: str, shown: str) -> None:
    with pytest.raises(InputError) as error:
        refuse_address(address)
    assert str(error.value) == f"{shown}: addresses of streams are not analysed; give a file."


def test_names_of_files_are_no_addresses() -> None:
    for name in ("clip.mp4", "a:b.mp4", "C:\\videos\\clip.mp4", "C:/videos/clip.mp4"):
        refuse_address(name)


def test_links_and_second_names_are_shared(tmp_path: Path) -> None:
    own, linked, second = (tmp_path / name for name in ("own", "linked", "second"))
    own.write_text("1")
    assert not is_shared(own)
    linked.symlink_to(own)
    assert is_shared(linked)
    second.hardlink_to(own)
    assert is_shared(own)
