"""`texts(...)`: tables, JSON lines, lines with tabs and folders say the same, or are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import DataError, load, split
from gradc_runtime.data.tables.encoding import Encoding

ROWS = [("A fine film, fine!", "pos"), ("dull; so dull", "neg"), ("fine", "pos"), ("so so", "neg")]
TEXT, LABEL = TensorType((), Kind.INDEX, 8, "n"), TensorType((), Kind.INDEX, 2)
FIELDS = {"words": TEXT, "mood": LABEL}
Fields = dict[str, TensorType]


def written(folder: Path) -> None:
    """The same texts in every form."""
    table = "".join(f'"{text}",{label}\n' for text, label in ROWS)
    (folder / "r.csv").write_text("Review Text,Mood\n" + table)
    lines = (json.dumps({"words": text, "mood": label}) for text, label in ROWS)
    (folder / "r.jsonl").write_text("\n".join(lines))
    (folder / "r.txt").write_text("".join(f"{label}\t{text}\r\n" for text, label in ROWS))
    for number, (text, label) in enumerate(ROWS):
        (folder / "r" / label).mkdir(parents=True, exist_ok=True)
        (folder / "r" / label / f"{number}.txt").write_text(text)


def loaded(
    directory: Path, file: str, fields: Fields = FIELDS, how: Any = None, **keywords: Any
) -> Any:
    """What the source gives."""
    source = DataSource(
        name="d", fields=tuple(fields.items()), function="texts", arguments=(file,),
        keywords=keywords, directory=str(directory),
    )  # fmt: skip
    return load(source, **(how or {}))


@pytest.mark.parametrize(
    ("file", "keywords"), [("r.csv", {"words": "Review Text"}), ("r.jsonl", {}), ("r.txt", {})]
)
def test_every_form_gives_the_same(tmp_path: Path, file: str, keywords: dict[str, str]) -> None:
    written(tmp_path)
    data = loaded(tmp_path, file, **keywords)
    assert data.encoding.classes == {"mood": ("neg", "pos")}
    assert data.arrays["mood"].tolist() == [1, 0, 1, 0]
    assert data.encoding.texts["words"].symbols[:3] == ("fine", "so", "dull")
    assert data.arrays["words"].lengths.tolist() == [6, 4, 1, 2]
    assert data.take(slice(2, 3))["words"].values.tolist() == [0]


def test_a_folder_in_memory_and_in_blocks(tmp_path: Path) -> None:
    written(tmp_path)
    data, pieces = loaded(tmp_path, "r"), loaded(tmp_path, "r", how={"in_memory": 0, "block": 99})
    assert data.arrays["mood"].tolist() == [0, 0, 1, 1] and pieces.encoding == data.encoding
    found = pieces.take(slice(None))["words"]
    np.testing.assert_array_equal(found.values, data.arrays["words"].values)


@pytest.mark.parametrize("file", ["r.jsonl", "r"])
def test_only_words_that_are_trained_on_have_a_class(tmp_path: Path, file: str) -> None:
    written(tmp_path)
    data = loaded(tmp_path, file, how={"held_out": 0.5, "split_seed": 3})
    train, _ = split(data, 0.5, 3)
    known = data.encoding.texts["words"]
    used = {int(k) for k in train.arrays["words"].values}
    assert used == set(range(known.size - 1)) and known.size < 8


def test_a_fixed_length_is_cut_off_or_filled_with_class_0(tmp_path: Path) -> None:
    written(tmp_path)
    fields = {**FIELDS, "words": TensorType((), Kind.INDEX, 8, 3)}
    found = loaded(tmp_path, "r.jsonl", fields).arrays["words"]
    assert found.values.reshape(4, 3)[2].tolist() == [1, 0, 0]
    assert (found.values.reshape(4, 3)[0] > 0).all()
    short = loaded(tmp_path, "r.jsonl", longest=2).arrays["words"]
    assert short.lengths.tolist() == [2, 2, 1, 2]


def test_texts_without_labels_and_labels_that_are_numbers(tmp_path: Path) -> None:
    written(tmp_path)
    alone = loaded(tmp_path, "r.jsonl", {"words": TEXT})
    assert alone.encoding.classes == {} and alone.examples == 4
    (tmp_path / "n.txt").write_text("1\ta\n0\tb\n")
    data = loaded(tmp_path, "n.txt")
    assert data.arrays["mood"].tolist() == [1, 0] and data.encoding.classes == {}


GAPS = {
    "g.csv": "words,mood\ngood,pos\nbad,NA\nfine,\ndull,neg\n",
    "g.jsonl": '{"words": "good", "mood": "pos"}\n{"words": "bad", "mood": null}\n'
    '{"words": "fine", "mood": ""}\n{"words": "dull", "mood": "neg"}\n',
    "g.txt": "pos\tgood\nNA\tbad\n\tfine\nneg\tdull\n",
}


@pytest.mark.parametrize("file", GAPS)
def test_a_text_without_a_label_is_refused_or_left_out_or_of_a_class(
    tmp_path: Path, file: str
) -> None:
    """It was one of a class called nothing, or NA."""
    (tmp_path / file).write_text(GAPS[file])
    with pytest.raises(DataError, match=r':\d: mood ".*" is missing; say missing = "class" or "d'):
        loaded(tmp_path, file)
    data = loaded(tmp_path, file, missing="drop")
    assert data.name == f"{file} (2 rows without a label left out)"
    assert data.arrays["mood"].tolist() == [1, 0] and data.kept.tolist() == [0, 3]
    assert "bad" not in data.encoding.texts["words"].symbols
    named = loaded(
        tmp_path, file, FIELDS | {"mood": TensorType((), Kind.INDEX, 3)}, missing="class"
    )
    assert named.encoding.classes == {"mood": ("neg", "pos", "")}
    assert named.arrays["mood"].tolist() == [1, 2, 2, 0]
    alone = loaded(tmp_path, file, {"words": TEXT}, {"encoding": data.encoding}, missing="drop")
    assert alone.examples == 4  # what has no field for labels lacks none


def test_what_a_run_has_learnt_is_used_again(tmp_path: Path) -> None:
    written(tmp_path)
    known = loaded(tmp_path, "r.jsonl").encoding
    again = Encoding.of_data(json.loads(json.dumps(known.as_data())))
    (tmp_path / "new.txt").write_text("pos\tfine new dull\n")
    data = loaded(tmp_path, "new.txt", how={"encoding": again})
    rest = known.texts["words"].size - 1
    assert data.arrays["words"].values.tolist() == [0, rest, known.texts["words"].classes["dull"]]
    assert data.arrays["mood"].tolist() == [1]
    (tmp_path / "new.txt").write_text("great\tfine\n")
    with pytest.raises(DataError, match=r'new\.txt:1: mood "great" is none of neg, pos'):
        loaded(tmp_path, "new.txt", how={"encoding": again})


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"pos fine\n", "a.txt:1: a line is a label, a tab and a text; there is no tab"),
        ("a.txt", b"x\ty\n\xff", "a.txt:2: not UTF-8 text (byte 4); save it as UTF-8"),
        ("a.txt", b"\n", "a.txt: there are no texts in it"),
        ("a.txt", b"a\tx\nb\tx\nc\tx", "a.txt: mood has 3 names (a, b, c), but mood : class(2)"),
        (
            "a.txt",
            b"1\tx\n9\tx",
            'a.txt:2: mood "9" is outside class(2), which allows 0 to 1; if its',
        ),
        ("a.jsonl", b'{"words": 3, "mood": "a"}', "a.jsonl:1: words is 3, and no text"),
        ("a.jsonl", b'{"words": "x", "mood": [1]}', "a.jsonl:1: mood is [1]: a name or a number"),
        ("a.jsonl", b"x", "a.jsonl:1: not JSON"),
        ("a.csv", b"text,mood\nx,a\n", "a.csv: no column words"),
    ],
)
def test_files_that_are_not_so(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as fault:
        loaded(tmp_path, name)
    assert said in str(fault.value) and "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("fields", "keywords", "said"),
    [
        ({"words": LABEL}, {}, "texts: gives a text and its class; the fields are words"),
        ({"x": TensorType((3,)), "mood": LABEL}, {}, r"x : \[3\] is no text: write x : seq class"),
        (FIELDS, {"by": "letters"}, 'by is one of characters, words, pairs, not "letters"'),
        (FIELDS, {"moods": "x"}, "texts: moods is neither a field nor a setting"),
        ({**FIELDS, "words": TensorType((), Kind.INDEX, 1, "n")}, {}, "words need 2 classes"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, fields: Fields, keywords: Any, said: str) -> None:
    written(tmp_path)
    with pytest.raises(DataError, match=said):
        loaded(tmp_path, "r.jsonl", fields, **keywords)


def test_a_large_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(DataError, match=r"r\.jsonl: does not fit into memory; raise in_memory"):
        loaded(tmp_path, "r.jsonl", how={"in_memory": 3})
