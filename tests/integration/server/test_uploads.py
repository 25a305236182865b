"""Uploads: every way to send them, what is refused, and what is left when they are cut short."""

from __future__ import annotations

import gc
import http.client
import json
import socket
import threading
from hashlib import sha256
from urllib.parse import urlsplit

import psutil
import pytest
from blake3 import blake3

from components import onnx

UPLOAD = "/api/models/upload"
BIG = bytes(range(256)) * 4096 * 20


def test_a_file_and_fields_in_any_order(client, name):
    for number, order in enumerate(("fields first", "file first")):
        fields = [
            ("name", (None, name)),
            ("tags", (None, '{"team": "risk"}')),
            ("status", (None, "beta")),
            ("version", (None, f"1.{number}.0")),
        ]
        file = [("model_file", ("model.joblib", b"weights"))]
        answer = client.post(UPLOAD, files=fields + file if order == "fields first" else file + fields)
        record = answer.json()
        assert answer.status_code == 201, answer.text
        assert (record["version"], record["label"], record["tags"]) == (f"1.{number}.0", "beta", {"team": "risk"})
        assert answer.headers["etag"] == f'"{record["revision"]}"'
        assert record["files"] == [
            {
                "path": "model.joblib",
                "size": 7,
                "blake3": blake3(b"weights").hexdigest(),
                "sha256": sha256(b"weights").hexdigest(),
                "media_type": "application/x-pickle",
                "parts": [],
            }
        ]


@pytest.mark.feature("REG-24")
def test_a_folder_is_files_with_paths_and_empty_ones_are_part_of_it(client, name, upload):
    record = upload({"weights/a.bin": BIG, "weights/b.bin": b"b", "package/__init__.py": b"", "config.json": b"{}"})
    assert [file["path"] for file in record["files"]] == [
        "config.json",
        "package/__init__.py",
        "weights/a.bin",
        "weights/b.bin",
    ]
    assert record["model_size_bytes"] == len(BIG) + 3
    for path, content in (("weights/a.bin", BIG), ("package/__init__.py", b"")):
        assert client.get(f"/api/models/{name}/latest/download", params={"path": path}).content == content


@pytest.mark.feature("MET-03", "MET-04", "MET-11")
def test_metadata_comes_as_a_document_with_any_of_its_names(client, name):
    metadata = {
        "model_name": name,
        "hyperparams": {"depth": 3},
        "performance_metrics": {"f1": 0.8},
        "accuracy": 0.9,
        "architecture": "CNN",
        "status": "READY",
        "house": "own words",
    }
    files = {"file": ("m.bin", b"x"), "metadata": ("metadata.json", json.dumps(metadata))}
    record = client.post(UPLOAD, files=files, data={"metrics": '{"loss": 0.1}', "description": "by hand"}).json()
    assert record["name"] == name
    assert record["hyperparameters"] == {"depth": 3}
    assert record["metrics"] == {"accuracy": 0.9, "f1": 0.8, "loss": 0.1} or record["metrics"] == {
        "loss": 0.1,
        "accuracy": 0.9,
        "f1": 0.8,
    }
    assert (record["architecture"], record["description"], record["label"]) == ("CNN", "by hand", "")
    assert record["extra"] == {"house": "own words"}
    assert [file["path"] for file in record["files"]] == ["m.bin"]


def test_a_whole_request_as_one_field(client, name):
    request = {
        "name": name,
        "create": True,
        "version": "3.0.0",
        "status": "stable",
        "metrics": {"f1": 1.0},
        "tags": {"a": "b"},
    }
    record = client.post(UPLOAD, data={"request": json.dumps(request)}, files={"file": ("m.bin", b"x")}).json()
    assert (record["version"], record["label"], record["metrics"], record["tags"]) == (
        "3.0.0",
        "stable",
        {"f1": 1.0},
        {"a": "b"},
    )


def test_a_whole_request_says_itself_whether_a_new_model_is_made(client, name):
    def send(**fields: object):
        return client.post(UPLOAD, data={"request": json.dumps({"name": name, **fields})}, files={"file": ("m", b"x")})

    refused = send()
    assert (refused.status_code, refused.json()["code"]) == (404, "model_not_found")
    assert client.get(f"/api/models/{name}").status_code == 404
    assert [send(**fields).status_code for fields in ({"create": True}, {"create": False}, {})] == [201, 201, 201]


def test_the_body_itself_can_be_the_file(client, name):
    query = {"name": name, "filename": "deep/model.onnx", "metadata": '{"accuracy": 0.5}', "version": "1.0.0"}
    answer = client.post(UPLOAD, params=query, content=BIG, headers={"Content-Type": "application/octet-stream"})
    record = answer.json()
    assert answer.status_code == 201, answer.text
    assert (record["files"][0]["path"], record["files"][0]["size"]) == ("deep/model.onnx", len(BIG))
    assert record["metrics"] == {"accuracy": 0.5}
    assert client.get(f"/api/models/{name}/1/download").content == BIG


def test_the_parent_and_the_stage_are_taken(client, name, upload):
    first = upload(version="1.0.0")
    second = upload(b"other", version="1.1.0", parent=f"{name}/1.0.0", stage="development")
    assert (second["parent_id"], second["stage"]) == (first["id"], "development")


def form(*parts: tuple[str, bytes], end: bytes = b"--x--\r\n") -> bytes:
    """A form body, with full control over each part's headers."""
    return b"".join(b"--x\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + end


def field(name: str, value: bytes, filename: str | None = None) -> tuple[str, bytes]:
    """A part of a form."""
    head = f'Content-Disposition: form-data; name="{name}"'
    return (head if filename is None else f'{head}; filename="{filename}"', value)


def file(path: str, content: bytes = b"x") -> tuple[str, bytes]:
    """A file of a form."""
    return field("file", content, path)


FILE = file("m.bin")[0]
NAME = field("name", b"odd-upload")
PATHS = ("../evil", "/etc/passwd", "a/../../b", "a//b", "a/", ".", "a\\\\b", "a\tb", "x" * 300, "a/" * 600 + "b")
ODD_FORMS = [
    ("no file", form(NAME), "invalid_artifact"),
    ("no name", form(file("m.bin")), "invalid_request"),
    ("an empty file only", form(NAME, (FILE, b"")), "invalid_artifact"),
    ("an input left empty", form(NAME, file("", b"")), "invalid_artifact"),
    ("cut before the closing boundary", form(NAME, file("m.bin"), end=b""), "invalid_request"),
    ("cut in a file", b"--x\r\n" + FILE.encode() + b"\r\n\r\nabc", "invalid_request"),
    ("nothing", b"", "invalid_request"),
    ("rubbish", b"rubbish", "invalid_request"),
    ("another boundary", form(NAME, file("m.bin")).replace(b"--x", b"--y"), "invalid_request"),
    ("a part without a disposition", form(NAME, ("Content-Type: text/plain", b"x")), "invalid_request"),
    ("a part without a name", form(NAME, ("Content-Disposition: form-data", b"x")), "invalid_request"),
    ("an unknown field", form(NAME, field("nmae", b"x"), file("m.bin")), "invalid_request"),
    ("a field twice", form(NAME, NAME, file("m.bin")), "invalid_request"),
    ("base64", form(NAME, (FILE + "\r\nContent-Transfer-Encoding: base64", b"eA==")), "invalid_request"),
    ("a name that is no UTF-8", form((NAME[0], b"\xff"), file("m.bin")), "invalid_request"),
    ("metadata that is no JSON", form(NAME, field("metadata", b"{"), file("m.bin")), "invalid_request"),
    ("metadata that is a list", form(NAME, field("metadata", b"[]"), file("m.bin")), "invalid_request"),
    ("a metric that is NaN", form(NAME, field("metrics", b'{"f1": NaN}'), file("m.bin")), "invalid_request"),
    ("a metric that is text", form(NAME, field("metrics", b'{"f1": "x"}'), file("m.bin")), "invalid_metric"),
    ("a bad version", form(NAME, field("version", b"1"), file("m.bin")), "invalid_version"),
    ("a request with fields", form(NAME, field("request", b"{}"), file("m.bin")), "invalid_request"),
    ("a header of a megabyte", form(NAME, (FILE + "\r\nX-Long: " + "y" * (1 << 20), b"x")), "invalid_request"),
    ("a thousand headers", form(NAME, (FILE + "\r\nX: y" * 1000, b"x")), "invalid_request"),
    *(
        (f"the path {path!r}", form(NAME, file(path)), "invalid_artifact")
        for path in PATHS
    ),
    ("two files at one path", form(NAME, file("m.bin"), (FILE, b"y")), "invalid_artifact"),
    ("paths that meet by case", form(NAME, file("m.bin"), file("M.BIN")), "invalid_artifact"),
    ("a file that is a folder of another", form(NAME, file("m.bin"), file("m.bin/y")), "invalid_artifact"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "code"), ODD_FORMS, ids=[row[0] for row in ODD_FORMS])
def test_an_odd_form_is_refused_and_registers_nothing(client, served, what, body, code):
    answer = client.post(UPLOAD, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert answer.json()["hint"]
    assert client.get("/api/models/odd-upload").status_code == 404
    assert nothing_half_written(served)


def nothing_half_written(served) -> bool:
    """Whether the store has no file that is being written."""
    return not list(served.yard.store.backend.list("tmp/"))


@pytest.mark.parametrize(
    ("content_type", "query", "code"),
    [
        ("multipart/form-data", "", "invalid_request"),
        (f"multipart/form-data; boundary={'b' * 300}", "", "invalid_request"),
        ("application/octet-stream", "?name=odd-upload", "invalid_artifact"),
        ("application/octet-stream", "?filename=m.bin", "invalid_request"),
        ("application/octet-stream", "?name=odd-upload&filename=../m.bin", "invalid_artifact"),
        ("application/octet-stream", "?name=odd-upload&filename=m.bin&verison=1.0.0", "invalid_request"),
        ("application/octet-stream", "?name=odd-upload&filename=m.bin&metadata=x", "invalid_request"),
    ],
)
def test_an_odd_way_to_send_is_refused(client, content_type, query, code):
    answer = client.post(UPLOAD + query, content=b"x", headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_an_empty_body_is_no_file(client):
    answer = client.post(
        f"{UPLOAD}?name=odd-upload&filename=m.bin", content=b"", headers={"Content-Type": "application/octet-stream"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_artifact")


def test_fields_together_are_bounded(serve_with, name):
    small = serve_with(**{"server.max_body_bytes": 2000})
    for fields in ({"description": "x" * 3000}, {"description": "x" * 1500, "tags": json.dumps({"a": "y" * 1500})}):
        answer = small.client.post(UPLOAD, data={"name": name, **fields}, files={"file": ("m.bin", b"x" * 9000)})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert small.client.post(UPLOAD, data={"name": name}, files={"file": ("m.bin", b"x" * 9000)}).status_code == 201


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_over_the_limit_is_refused_whether_it_says_so_or_not(serve_with, name, announced):
    small = serve_with(**{"server.max_upload_bytes": 3 << 20})
    path = f"{UPLOAD}?name={name}&filename=m.bin"
    content = b"x" * (4 << 20)
    body = content if announced else iter([content[: 2 << 20], content[2 << 20 :]])
    answer = small.client.post(path, content=body, headers={"Content-Type": "application/octet-stream"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "server.max_upload_bytes" in answer.json()["hint"]
    assert small.client.get("/api/models/versions").json()["versions"] == []
    assert nothing_half_written(small)


def test_an_upload_that_announces_too_much_is_refused_before_it_is_sent(serve_with):
    small = serve_with(**{"server.max_upload_bytes": 3 << 20})
    place = urlsplit(small.url)
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(
            f"POST {UPLOAD}?name=a&filename=m HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 99999999999\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


@pytest.mark.feature("VER-17")
def test_repeats_under_one_key_register_one_version(client, name):
    def send(content: bytes, key: str):
        return client.post(
            UPLOAD, data={"name": name}, files={"file": ("m.bin", content)}, headers={"Idempotency-Key": key}
        )

    first, again = send(b"weights", f"{name}-1"), send(b"weights", f"{name}-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = send(b"different", f"{name}-1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert send(b"weights", f"{name}-2").json()["number"] == 2


def test_uploads_side_by_side_get_numbers_of_their_own(client, served, name):
    records: list[int] = []

    def send(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(served.url).netloc)
        connection.request("POST", f"{UPLOAD}?name={name}&filename=m.bin", body=b"%d" % number * 300_000)
        records.append(json.loads(connection.getresponse().read())["number"])
        connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(records) == list(range(1, 9))


@pytest.mark.parametrize("way", ["form", "raw"])
def test_a_client_that_goes_away_leaves_nothing(serve_with, name, way):
    server = serve_with()
    place = urlsplit(server.url)
    head = f"POST {UPLOAD}?name={name}&filename=m.bin HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 50000000\r\n"
    head = head.replace(f"?name={name}&filename=m.bin", "") if way == "form" else head
    kind = "multipart/form-data; boundary=x" if way == "form" else "application/octet-stream"
    begin = b"--x\r\n" + FILE.encode() + b"\r\n\r\n" if way == "form" else b""
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(f"{head}Content-Type: {kind}\r\n\r\n".encode() + begin + b"y" * 20_000_000)
        until(lambda: not nothing_half_written(server))
    until(lambda: nothing_half_written(server))
    assert server.client.get("/api/models/versions").json()["versions"] == []
    assert not list(server.yard.store.backend.list("blobs/"))


def until(reached) -> None:
    """Wait for a state, asking again at short intervals."""
    waiting = threading.Event()
    for _ in range(1000):
        if reached():
            return
        waiting.wait(0.01)
    raise AssertionError("the state was not reached in ten seconds")


def test_what_a_transfer_held_is_free_as_soon_as_it_ends(client, name, upload):
    """Without waiting for the collector of cycles, which may come many transfers later."""

    def buffers() -> int:
        return sum(type(found) is memoryview and found.nbytes >= 1 << 20 for found in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        for number in range(3):
            upload({"m.bin": BIG + b"%d" % number})
            assert client.get(f"/api/models/{name}/latest/download").content == BIG + b"%d" % number
        until(lambda: buffers() == 0)
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.feature("REG-24")
@pytest.mark.parametrize("way", ["form", "raw"])
def test_memory_stays_flat_during_half_a_gigabyte(serve_process, name, way):
    """The server's memory over idle stays below 64 MiB while 512 MiB go up and down again."""
    server = serve_process()
    piece, count = bytes(range(256)) * 4096, 512
    size = len(piece) * count
    begin = b"--x\r\n" + FILE.encode() + b"\r\n\r\n" if way == "form" else b""
    end = (
        b'\r\n--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + name.encode() + b"\r\n--x--\r\n"
        if way == "form"
        else b""
    )
    path = UPLOAD if way == "form" else f"{UPLOAD}?name={name}&filename=m.bin"
    process = psutil.Process(server.process.pid)
    idle, peak = process.memory_info().rss, 0

    def body():
        nonlocal peak
        yield begin
        for number in range(count):
            if number % 16 == 0:
                peak = max(peak, process.memory_info().rss)
            # Each megabyte is another one, so that nothing is recognised as known.
            yield number.to_bytes(8, "big") + piece[8:]
        yield end

    headers = {"Content-Type": "multipart/form-data; boundary=x" if way == "form" else "application/octet-stream"}
    headers["Content-Length"] = str(len(begin) + size + len(end))
    answer = server.client.post(path, content=body(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["model_size_bytes"] == size
    received = 0
    with server.client.stream("GET", f"/api/models/{name}/1/download") as download:
        for number, chunk in enumerate(download.iter_raw()):
            received += len(chunk)
            if number % 64 == 0:
                peak = max(peak, process.memory_info().rss)
    assert received == size
    assert peak - idle < 64 << 20, f"{(peak - idle) >> 20} MiB over idle"


@pytest.mark.feature("EXP-35")
def test_an_upload_by_any_client_is_held_to_its_signature(client, name):
    def send(version, size, **fields):
        query = {"name": name, "version": version, "filename": "model.onnx", **fields}
        return client.post(UPLOAD, params=query, content=onnx.simple((None, size)))

    record = send("1.0.0", 4).json()
    assert record["input_schema"]["fields"] == [
        {"name": "x", "type": "float32", "shape": [-1, 4], "optional": False},
    ]
    refused = send("1.1.0", 5)
    assert (refused.status_code, refused.json()["code"]) == (422, "breaking_change")
    assert send("1.1.0", 5, allow_breaking="same callers").json()["allow_breaking"] == "same callers"
    form = {"name": (None, name), "version": (None, "1.2.0"), "allow_breaking": (None, "again")}
    again = client.post(UPLOAD, files={**form, "file": ("model.onnx", onnx.simple((None, 6)))})
    assert again.json()["allow_breaking"] == "again"
    proposed = client.post(f"/api/models/{name}/next-version", json={"input_schema": {"x": "string"}}).json()
    assert (proposed["version"], proposed["bump"]) == ("2.0.0", "major")
    found = client.get(
        "/api/signature-diff", params={"version_a": f"{name}/1.0.0", "version_b": f"{name}/1.1.0"}
    ).json()
    assert (found["outcome"], found["compatible"], found["required_bump"]) == ("breaking", False, "major")
