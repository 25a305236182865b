"""What a pickle imports: the list is compared with what the unpickler itself asks for."""

from __future__ import annotations

import collections
import copyreg
import datetime as dt
import decimal
import fractions
import io
import lzma
import operator
import pickle
import struct
import sys
import types
import zlib
from importlib.machinery import ModuleSpec
from types import SimpleNamespace

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.runtimes import opcodes, pickles
from modelyard.runtimes.inflate import ZlibReader
from modelyard.runtimes.pickles import CodeReport, describe_code


def described(data: bytes, tmp_path_factory) -> CodeReport:
    # One file for all of the thousands: a folder for each would stay until the end, and be looked through for the next.
    path = tmp_path_factory.getbasetemp() / "described.pkl"
    path.write_bytes(data)
    return describe_code(path)


def asked_for(data: bytes) -> set[str]:
    """The names that the real unpickler imports."""
    names = set()

    class Listener(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(f"{module}.{name}")
            return super().find_class(module, name)

    Listener(io.BytesIO(data), encoding="bytes", fix_imports=False).load()
    return names


THINGS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.complex_numbers(),
        st.decimals(),
        st.fractions(),
        st.datetimes(),
        st.timedeltas(),
        st.uuids(),
        st.sampled_from([len, collections.OrderedDict, decimal.Decimal, range(3), bytearray(b"x"), fractions.Fraction]),
    ),
    lambda below: st.one_of(
        st.lists(below),
        st.dictionaries(st.text(), below),
        st.tuples(below),
        st.tuples(below, below, below, below),
        st.frozensets(st.integers()),
        below.map(lambda value: SimpleNamespace(value=value)),
        below.map(lambda value: collections.deque([value, value])),
        below.map(lambda value: collections.defaultdict(list, {"k": value})),
        below.map(lambda value: [value, value]),
    ),
)


@given(THINGS, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_the_names_are_those_that_the_unpickler_imports(tmp_path_factory, thing, protocol):
    data = pickle.dumps(thing, protocol=protocol, fix_imports=False)
    assert described(data, tmp_path_factory) == CodeReport(names=tuple(sorted(asked_for(data))), complete=True)


@given(st.binary())
def test_bytes_of_any_kind_are_described_without_an_error(tmp_path_factory, data):
    assert isinstance(described(data, tmp_path_factory), CodeReport)


@given(THINGS, st.data())
def test_a_damaged_pickle_is_described_without_an_error(tmp_path_factory, thing, data):
    whole = pickle.dumps(thing)
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = described(whole[:place], tmp_path_factory)
    assert not cut.complete
    assert set(cut.names) <= set(described(whole, tmp_path_factory).names)
    flipped = bytearray(whole)
    flipped[place] ^= data.draw(st.integers(1, 255))
    assert isinstance(described(bytes(flipped), tmp_path_factory), CodeReport)


class Marker:
    """Stands behind the arrays in the files below, to show that they were jumped over."""


ARRAYS = [
    np.arange(1000.0),
    np.zeros((3, 5, 7), dtype="float32", order="F"),
    np.array([], dtype="int8"),
    np.array(5),
    np.zeros((0, 4)),
    np.array(["some", "text"]),
    np.array([b"a", b"bcd"]),
    np.array([True, False]),
    np.array(["2026-01-01"], dtype="datetime64[us]"),
    np.zeros(3, dtype="complex128"),
    np.zeros(3, dtype=">i4"),
    np.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i8"), ("b", "f4")]),
    np.zeros(2, dtype=[("inner", [("x", "f8")], (2, 2))]),
    np.array([{"a": decimal.Decimal(1)}, None], dtype=object),
    np.array([(1, decimal.Decimal(1))], dtype=[("a", "i8"), ("b", "O")]),
    np.array([np.array([1, None], dtype=object), None], dtype=object),
    np.ma.masked_array([1.0, 2.0], [True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}".replace(" ", ""))
@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 1), ("lzma", 1)], ids=str)
def test_arrays_in_joblib_files_are_jumped_over(tmp_path, array, compress):
    path = tmp_path / "model.joblib"
    joblib.dump([array, array, Marker(), np.zeros(3)[:0], Marker()], path, compress=compress)
    report = describe_code(path)
    assert report.complete
    assert f"{Marker.__module__}.Marker" in report.names
    assert "joblib.numpy_pickle.NumpyArrayWrapper" in report.names


def test_names_inside_object_arrays_are_found(tmp_path):
    joblib.dump(np.array([decimal.Decimal(1), None], dtype=object), tmp_path / "m.joblib")
    assert "decimal.Decimal" in describe_code(tmp_path / "m.joblib").names


def test_an_array_that_is_cut_off_makes_the_report_incomplete(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump([Marker(), np.arange(10_000.0), decimal.Decimal(1)], path)
    path.write_bytes(path.read_bytes()[:1000])
    report = describe_code(path)
    assert not report.complete
    assert "numpy.ndarray" in report.names
    assert report.summary().startswith("at least ")
    joblib.dump([np.arange(10_000.0)], path, compress=3)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert not describe_code(path).complete
    path.write_bytes(zlib.compress(zlib.decompress(whole)[:1000]))
    assert not describe_code(path).complete


def wrapped(state: bytes) -> bytes:
    """A joblib array wrapper with a state of one's own, in the text opcodes of protocol 0."""
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + state + b"b."


DTYPE = b"cnumpy\ndtype\n(V%s\nI00\nI01\ntR"


@pytest.mark.parametrize(
    "state",
    [
        b"}(Vdtype\n" + DTYPE % b"f8" + b"Vshape\n(I-5\ntu",
        b"}(Vdtype\n" + DTYPE % b"what" + b"Vshape\n(I5\ntu",
        b"}(Vdtype\n" + DTYPE % b"f8" + b"Vshape\n(Vx\ntu",
        b"}(Vdtype\nNVshape\n(I5\ntu",
        b"}",
        b"N",
        b"}(Vdtype\n" + DTYPE % b"f8" + b"Vshape\n(I" + b"9" * 30 + b"\ntu",
    ],
)
def test_arrays_that_are_described_wrongly_make_the_report_incomplete(tmp_path_factory, state):
    report = described(wrapped(state), tmp_path_factory)
    assert not report.complete
    assert "joblib.numpy_pickle.NumpyArrayWrapper" in report.names


def test_an_array_of_negative_size_does_not_lead_backwards(tmp_path):
    data = wrapped(b"}(Vdtype\n" + DTYPE % b"f8" + b"Vshape\n(I-2\ntu")
    (tmp_path / "m").write_bytes(b"x" * 50 + data)
    with (tmp_path / "m").open("rb") as stream:
        stream.seek(50)
        source = opcodes.Source(stream, seekable=True, most=1000, deadline=float("inf"))
        with pytest.raises(ValueError, match="negative size"):
            opcodes.Machine(source, set()).run()
        assert stream.tell() == 50 + len(data) - 1


def test_an_import_that_is_unknown_inside_an_object_array_makes_the_report_incomplete(tmp_path_factory):
    one = wrapped(b"}(Vdtype\n" + DTYPE % b"O8" + b"Vshape\n(I1\ntu")[:-1]
    assert described(one + b"N." + b".", tmp_path_factory).complete
    assert not described(one + b"\x82\x01." + b".", tmp_path_factory).complete


WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n"
BYTE_TYPE = DTYPE % b"u1"
HIDDEN = b"cos\nsystem\n0N.".ljust(200, b"\0")
U1_STATE = b"(I3\nV|\nNNNI-1\nI-1\nI0\ntb"


def array(*, size: bytes = b"I200\n", dtype: bytes = BYTE_TYPE, more: bytes = b"", made: bytes = WRAPPER + b")\x81"):
    """A pickle with an array of 200 bytes, which are opcodes to whoever does not jump over them."""
    return made + b"}(Vdtype\n" + dtype + b"Vshape\n(" + size + b"t" + more + b"ub" + HIDDEN + b"."


def test_the_array_of_the_cases_below_is_jumped_over(tmp_path_factory):
    names = ("joblib.numpy_pickle.NumpyArrayWrapper", "numpy.dtype")
    expected = CodeReport(names=names, complete=True)
    assert described(array(), tmp_path_factory) == expected
    assert described(array(dtype=BYTE_TYPE + U1_STATE), tmp_path_factory) == expected
    dotted = b"\x80\x04Vjoblib\nVnumpy_pickle.NumpyArrayWrapper\n\x93)\x81"
    assert described(array(made=dotted), tmp_path_factory) == expected


@pytest.mark.parametrize(
    "data",
    {
        "computed key": array(more=b"cbuiltins\nstr\n(Vshape\ntR(I0\nt"),
        "repeated key": array(more=b"Vshape\n(I0\nt"),
        "computed shape": array(size=b"cbuiltins\nint\n)R"),
        "computed padding": array(more=b"Vnumpy_array_alignment_bytes\ncbuiltins\nint\n)R"),
        "a method among the keys": array(more=b"Vread\ncbuiltins\nlen\n"),
        "state within reach": array().replace(b"}(Vdtype", b"}p7\n(g7\n0Vdtype", 1),
        "wrapper within reach": array(made=WRAPPER + b")\x81p7\n0g7\n"),
        "built twice": array(made=WRAPPER + b")\x81p7\n}(Vdtype\n" + BYTE_TYPE + b"Vshape\n(I0\ntub0g7\n"),
        "wrapper with arguments": array(made=WRAPPER + b"(I1\nt\x81"),
        "wrapper made by another call": array(made=b"ccopyreg\n__newobj__\n(" + WRAPPER + b"tR"),
        "wrapper made with keywords": array(made=WRAPPER + b")}\x92"),
        "wrapper made by OBJ": array(made=b"(" + WRAPPER + b"o"),
        "wrapper made by INST": array(made=b"(ijoblib.numpy_pickle\nNumpyArrayWrapper\n"),
        "another wrapper": array(made=b"cother.numpy_pickle\nNumpyArrayWrapper\n)\x81"),
        "array inside a frame": b"\x80\x04\x95" + struct.pack("<Q", 350) + array(),
        "computed dtype": array(dtype=b"cother\ndtype\n(Vu1\ntR"),
        "dtype with a computed argument": array(dtype=b"cnumpy\ndtype\n(Vu1\ncbuiltins\nbool\n)RtR"),
        "dtype with an unknown state": array(dtype=BYTE_TYPE + b"cbuiltins\ntuple\n)Rb"),
        "dtype with another length": array(dtype=DTYPE % b"V1" + U1_STATE.replace(b"I-1", b"I0", 1)),
        "dtype with computed flags": array(dtype=BYTE_TYPE + U1_STATE.replace(b"I0\n", b"cbuiltins\nint\n)R")),
        "dtype of subarrays": array(dtype=BYTE_TYPE + U1_STATE.replace(b"NNN", b"(I2\ntNN")),
        "dtype of no objects after all": array(dtype=DTYPE % b"O8" + U1_STATE),
        "dtype with two states": array(dtype=BYTE_TYPE + U1_STATE + U1_STATE),
        "dtype given to a call": array(dtype=BYTE_TYPE + b"p7\n0cother\nchange\n(g7\ntR0g7\n"),
    }.items(),
    ids=lambda case: case[0],
)
def test_an_array_whose_size_could_be_another_one_makes_the_report_incomplete(tmp_path_factory, data):
    assert not described(data[1], tmp_path_factory).complete


def test_flags_of_the_dtype_tell_that_an_array_is_a_pickle_of_its_own(tmp_path_factory):
    flagged = U1_STATE.replace(b"I-1", b"I1", 1).replace(b"I0", b"I63")
    assert "os.system" in described(array(dtype=DTYPE % b"V1" + flagged), tmp_path_factory).names


def test_a_pickle_inside_an_array_holds_no_such_arrays(tmp_path_factory):
    one = b"}(Vdtype\n" + DTYPE % b"O8" + b"Vshape\n(I1\ntu"
    inner = wrapped(one)[:-1]
    assert described(inner + b"N" + b"." * 2, tmp_path_factory).complete
    assert not described(inner + inner + b"N" + b"." * 3, tmp_path_factory).complete


def test_a_hidden_import_that_joblib_would_run_is_not_called_complete(tmp_path, capfd):
    path = tmp_path / "model.joblib"
    hidden = b"cbuiltins\nprint\n(Vhidden\ntR0N.".ljust(200, b"\0")
    path.write_bytes(array(more=b"cbuiltins\nstr\n(Vshape\ntR(I0\ntVorder\nVC\nVsubclass\nN").replace(HIDDEN, hidden))
    report = describe_code(path)
    assert joblib.load(path) is None
    assert capfd.readouterr().out == "hidden\n"
    assert not report.complete


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"cos\nsystem\n(Vecho\ntR.", ("os.system",)),
        (b"(Vecho\nios\nsystem\n.", ("os.system",)),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x9400h\x00h\x01\x93.", ("os.system",)),
        (b"\x80\x04\x8c\x02os2\x8c\x06system\x93\x8c\x06getcwd0N0.", ("os.system",)),
        (b"\x80\x02cimportlib\nimport_module\nX\x02\x00\x00\x00os\x85R.", ("importlib.import_module",)),
        (b"(cos\nsystem\nVecho\noNb.", ("os.system",)),
    ],
)
def test_an_import_is_found_however_it_is_written(tmp_path_factory, data, names):
    assert described(data, tmp_path_factory) == CodeReport(names=names, complete=True)


def test_a_name_that_is_computed_makes_the_report_incomplete(tmp_path_factory):
    computed = b"\x80\x04\x8c\x02osc_operator\nconcat\n\x8c\x03sys\x8c\x03tem\x86R\x93."
    assert asked_for(computed) == {"_operator.concat", "os.system"}
    assert described(computed, tmp_path_factory) == CodeReport(names=("_operator.concat",), complete=False)
    assert operator.concat("sys", "tem") == "system"


def test_a_registered_extension_makes_the_report_incomplete(tmp_path_factory):
    copyreg.add_extension("collections", "Counter", 240)
    try:
        data = pickle.dumps(collections.Counter, protocol=2)
    finally:
        copyreg.remove_extension("collections", "Counter", 240)
    assert described(data, tmp_path_factory) == CodeReport(names=(), complete=False)


class TestBounds:
    def test_a_length_field_does_not_decide_how_much_memory_is_asked_for(self, tmp_path_factory):
        huge = b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x"
        assert not described(huge, tmp_path_factory).complete

    def test_bytes_are_bounded(self, tmp_path_factory, monkeypatch):
        data = pickle.dumps(["x" * 10_000, decimal.Decimal(1)])
        assert described(data, tmp_path_factory).complete
        monkeypatch.setattr(pickles, "MAX_BYTES", 5_000)
        assert described(data, tmp_path_factory) == CodeReport(names=(), complete=False)

    def test_opcodes_are_bounded(self, tmp_path_factory, monkeypatch):
        data = pickle.dumps([[n] for n in range(1000)])
        assert described(data, tmp_path_factory).complete
        monkeypatch.setattr(opcodes, "MAX_OPCODES", 100)
        assert not described(data, tmp_path_factory).complete

    def test_time_is_bounded(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pickles, "MAX_SECONDS", -1.0)
        joblib.dump(np.zeros(10), tmp_path / "m.joblib", compress=3)
        assert not describe_code(tmp_path / "m.joblib").complete

    def test_a_compression_bomb_ends_at_the_bound(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pickles, "MAX_BYTES", 1 << 20)
        bomb = zlib.compress(b"\x80\x04" + b"N0" * (8 << 20))
        assert len(bomb) < 100_000
        (tmp_path / "m.joblib").write_bytes(bomb)
        assert not describe_code(tmp_path / "m.joblib").complete


def test_lz4_files_are_read_where_lz4_is_there(tmp_path, monkeypatch):
    (tmp_path / "m.joblib").write_bytes(b"\x04\x22\x4d\x18rest")
    monkeypatch.setitem(sys.modules, "lz4", None)
    assert describe_code(tmp_path / "m.joblib") == CodeReport(names=(), complete=False)
    plain = io.BytesIO(pickle.dumps(decimal.Decimal(1)))
    frame = types.ModuleType("lz4.frame")
    vars(frame)["open"] = lambda raw: plain
    package = types.ModuleType("lz4")
    package.__spec__ = ModuleSpec("lz4", None)
    monkeypatch.setitem(sys.modules, "lz4", package)
    monkeypatch.setitem(sys.modules, "lz4.frame", frame)
    assert describe_code(tmp_path / "m.joblib").names == ("decimal.Decimal",)


class TestSummary:
    def test_names_are_grouped_by_package(self):
        report = CodeReport(names=("a.b.C", "a.b.D", "os.system", "plain"), complete=True)
        assert report.modules == ("a", "os", "plain")
        assert report.summary() == "a (C, D), os (system), plain (plain)"
        assert CodeReport(names=("a.b",), complete=False).summary() == "at least a (b)"

    def test_many_names_are_counted(self):
        names = tuple(f"a.C{n}" for n in range(10))
        assert CodeReport(names=names, complete=True).summary(3) == "a (C0, C1, C2 and 7 more)"

    def test_no_names(self):
        assert CodeReport(names=(), complete=True).summary() == "nothing"
        assert CodeReport(names=(), complete=False).summary() == "what could not be found out"

    def test_a_name_cannot_forge_a_message(self, tmp_path_factory):
        report = described(b"cos\nsystem)\r all is well (\n.", tmp_path_factory)
        assert "\r" not in report.summary()
        assert described("cös\nsystem\n.".encode(), tmp_path_factory).complete is False


class TestZlibReader:
    @given(st.binary(max_size=5000), st.integers(1, 9), st.lists(st.integers(1, 3000)))
    def test_gives_back_the_bytes_in_pieces_of_any_size(self, data, level, sizes):
        reader = ZlibReader.buffered(io.BytesIO(zlib.compress(data * 50, level)))
        pieces = [reader.read(size) for size in sizes]
        assert b"".join([*pieces, reader.read()]) == data * 50

    def test_a_stream_that_breaks_off_is_an_error(self):
        whole = zlib.compress(bytes(range(256)) * 100)
        with pytest.raises(EOFError, match="too early"):
            ZlibReader.buffered(io.BytesIO(whole[:-10])).read()
        with pytest.raises(zlib.error):
            ZlibReader.buffered(io.BytesIO(b"x" + whole)).read()


def test_a_damaged_compressed_file_is_described_without_an_error(tmp_path):
    for start in (b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x78"):
        (tmp_path / "m.joblib").write_bytes(start + b"rubbish" * 10)
        assert describe_code(tmp_path / "m.joblib") == CodeReport(names=(), complete=False)
    (tmp_path / "m.joblib").write_bytes(lzma.compress(pickle.dumps(dt.date(2026, 1, 1))))
    assert describe_code(tmp_path / "m.joblib").names == ("datetime.date",)
