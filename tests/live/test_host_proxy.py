"""Cameras over HTTP and HLS that lead on: on their own host they may, to another host only when asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from helpers.clips import ffmpeg
from helpers.paths import EXAMPLE
from helpers.rtsp import free_port

import fer_batch
from fer_batch.errors import CameraUnreachableError
from fer_batch.live.frame_source import open_connection
from fer_batch.live.options import CaptureOptions
from fer_batch.live.source_url import parse_address

pytestmark = pytest.mark.network

PATIENCE = CaptureOptions(connect_timeout_s=10, read_timeout_s=10)
TRUSTING = CaptureOptions(connect_timeout_s=10, read_timeout_s=10, follow_redirects=True)


class Camera:
    """A server whose paths lead on, to itself or to its other name; it notes by which name each path is asked for."""

    def __init__(self, clip: bytes) -> None:
        self.asked: list[tuple[str, str]] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host = str(self.headers["Host"]).partition(":")[0]
                camera.asked.append((host, self.path))
                far = f"http://localhost:{camera.port}"
                to = {"/near": "/clip.ts", "/far": f"{far}/clip.ts", "/piece.ts": f"{far}/clip.ts"}.get(self.path)
                pieces = {"/near.m3u8": "clip.ts", "/redirects.m3u8": "piece.ts", "/names.m3u8": f"{far}/clip.ts"}
                if to is not None:
                    self.send_response(302)
                    self.send_header("Location", to)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif self.path in pieces:
                    head = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:3,\n"
                    self._give(f"{head}{pieces[self.path]}\n#EXT-X-ENDLIST\n".encode(), "application/vnd.apple.mpegurl")
                else:
                    self._give(clip, "video/mp2t")

            def _give(self, content: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    ffmpeg("-ss", "9", "-t", "1", "-i", EXAMPLE, "-an", "-c:v", "libx264", "-preset", "ultrafast", path)
    return path.read_bytes()


@pytest.fixture
def camera(clip: bytes) -> Iterator[Camera]:
    one = Camera(clip)
    yield one
    one.close()


def pictures(url: str, reading: CaptureOptions = PATIENCE) -> int:
    """How many come until the source ends."""
    count = 0
    with open_connection(parse_address(url), reading) as connection:
        try:
            for _ in connection.pictures():
                count += 1
        except CameraUnreachableError as error:
            if "another host" in str(error):
                raise
    return count


@pytest.mark.parametrize("path", ["/clip.ts", "/near", "/near.m3u8"])
def test_a_source_may_lead_on_within_its_host(camera: Camera, path: str) -> None:
    assert pictures(camera.url(path)) > 10
    assert {host for host, _ in camera.asked} == {"127.0.0.1"}


@pytest.mark.parametrize("path", ["/far", "/redirects.m3u8", "/names.m3u8"])
def test_another_host_is_asked_only_when_that_is_wanted(camera: Camera, path: str) -> None:
    with pytest.raises(CameraUnreachableError, match=r"leads on to another host, localhost; give the address there"):
        pictures(camera.url(path))
    assert {host for host, _ in camera.asked} == {"127.0.0.1"}
    assert pictures(camera.url(path), TRUSTING) > 10
    assert ("localhost", "/clip.ts") in camera.asked


def test_python_and_the_command_line_have_the_option(camera: Camera, tmp_path: Path) -> None:
    with pytest.raises(fer_batch.InputError, match="another host, localhost"):
        next(iter(fer_batch.stream(camera.url("/far"))))
    assert next(iter(fer_batch.stream(camera.url("/far"), follow_redirects=True))).frame == 0
    (tmp_path / "cams.toml").write_text(
        f'retries = 0\n[[camera]]\nname = "a"\nsource = "{camera.url("/far")}"\nfollow-redirects = true\n'
        f'[[camera]]\nname = "b"\nsource = "{camera.url("/far")}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "fer_batch", "live", "cams.toml"],
        cwd=tmp_path,
        # Hosts in it would be reached past what holds a source to its host.
        env={**os.environ, "no_proxy": "localhost,127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "b: nothing was recorded: http://127.0.0.1" in done.stderr, done.stderr
    assert "leads on to another host, localhost" in done.stderr
    assert len(fer_batch.recordings(tmp_path / "fer-output")) == 1
    assert [path for host, path in camera.asked if host == "localhost"].count("/clip.ts") == 2


def test_a_source_that_is_away_is_told_as_such() -> None:
    with pytest.raises(CameraUnreachableError, match="nothing answers there"):
        pictures(f"http://127.0.0.1:{free_port()}/clip.ts")


def test_encrypted_sources_are_held_to_their_host_too(camera: Camera, tmp_path: Path) -> None:
    ssl, x509 = pytest.importorskip("ssl"), pytest.importorskip("cryptography.x509")
    from datetime import UTC, datetime, timedelta

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "c")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1)).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    (tmp_path / "both.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    camera.server.socket = context.wrap_socket(camera.server.socket, server_side=True)
    assert pictures(camera.url("/clip.ts").replace("http", "https")) > 10
    with pytest.raises(CameraUnreachableError, match="another host, localhost"):
        pictures(camera.url("/far").replace("http", "https"))
    assert {host for host, _ in camera.asked} == {"127.0.0.1"}
