from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.base import Json
from domain.cells import BadCell, read_cell
from domain.csv_rows import MAX_CELL_BYTES, CsvRow, CsvRows
from domain.errors import Invalid
from domain.import_checks import check_mapping
from domain.importing import ImportMapping, OwnerColumn, RowRead, RowReader, read_mapping
from domain.schema import ObjectType, PropertyDefinition, PropertyType, Schema

OSLO = ZoneInfo("Europe/Oslo")


def definition(
    name: str, type: PropertyType = PropertyType.STRING, *, unique: bool = False, read_only: bool = False
) -> PropertyDefinition:
    return PropertyDefinition(name=name, type=type, label=name, unique=unique, read_only=read_only)


def object_type(name: str, *properties: PropertyDefinition) -> ObjectType:
    return ObjectType(name=name, label=name, builtin=True, properties={p.name: p for p in properties})


SCHEMA = Schema(
    objects={
        "opportunity": object_type(
            "opportunity",
            definition("external_id", unique=True),
            definition("name"),
            definition("product"),
            definition("close_value", PropertyType.NUMBER),
            definition("close_date", PropertyType.DATE),
            definition("is_closed", PropertyType.BOOL, read_only=True),
            definition("owner", PropertyType.USER),
        ),
        "company": object_type("company", definition("external_id", unique=True), definition("name")),
    }
)


def split(*pieces: bytes) -> tuple[tuple[str, ...], list[CsvRow]]:
    rows = CsvRows()
    found = [row for piece in pieces for row in rows.feed(piece)]
    found += rows.finish()
    assert rows.header is not None
    return rows.header, found


def read(type: PropertyType, written: str, *, format: str | None = None, shift_years: int = 0) -> Json:
    return read_cell(type, written, format=format, shift_years=shift_years, zone=OSLO)


# The file


def test_rows_carry_the_physical_line_they_begin_on_and_blank_lines_are_no_rows() -> None:
    header, rows = split(b'a,b\n1,"two\nlines"\n\n , \n2,x')

    assert header == ("a", "b")
    assert rows == [CsvRow(line=2, cells=("1", "two\nlines")), CsvRow(line=6, cells=("2", "x"))]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_rows_do_not_depend_on_how_the_upload_is_cut(size: int) -> None:
    whole = '\ufeffname;note\r\n"Müller; ""Söhne""";5" pipe\r\nÅse;"a\r\nb"\r\n'.encode()

    header, rows = split(*(whole[at : at + size] for at in range(0, len(whole), size)))

    assert header == ("name", "note")
    assert rows == [CsvRow(2, ('Müller; "Söhne"', '5" pipe')), CsvRow(3, ("Åse", "a\r\nb"))]


@pytest.mark.parametrize(
    ("text", "header"), [(b"a,b\n", ("a", "b")), (b"a;b,c\n", ("a;b", "c")), (b"a\tb\n", ("a", "b"))]
)
def test_the_delimiter_is_told_from_the_header(text: bytes, header: tuple[str, ...]) -> None:
    assert split(text)[0] == header


def test_old_mac_line_ends_are_line_ends() -> None:
    assert split(b"a,b\r1,2\r")[1] == [CsvRow(2, ("1", "2"))]


@pytest.mark.parametrize(
    ("pieces", "code", "words"),
    [
        ((b"a,b\n1,2\n3,caf\xe9\n",), "broken_encoding", "line 3"),
        ((b"a,b\n1,2\n3,caf", b"\xe9\n"), "broken_encoding", "line 3"),
        ((b"a,b\n1,\x00\n",), "broken_encoding", "line 2"),
        ((b"a,b\n1,2\n3,", b"x" * 70_000, b"\n"), "cell_too_large", "line 3"),
        ((b"a,b\n1,2\n3,", b"x" * 1_000_000, b"\n"), "cell_too_large", "line 3"),
        ((b'a,b\n1,2\n3,"never closed\n4,5\n',), "unfinished_quote", "line 3"),
        ((b",".join([b"x"] * 201) + b"\n",), "too_many_columns", "line 1"),
        ((b"",), "empty_file", "empty"),
        ((b"\n\n",), "empty_file", "empty"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(pieces: tuple[bytes, ...], code: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        split(*pieces)

    assert [error.code for error in refused.value.errors] == [code]
    assert words in str(refused.value)


def test_a_cell_of_exactly_the_limit_is_taken() -> None:
    assert len(split(b"a,b\n1," + b"x" * MAX_CELL_BYTES + b"\n")[1][0].cells[1]) == MAX_CELL_BYTES


def test_a_quotation_that_swallows_the_file_stops_before_it_fills_the_memory() -> None:
    rows = CsvRows()
    with pytest.raises(Invalid, match="line 2: a cell is larger"):
        for piece in [b'a\n"', *[b"x" * 1_000_000] * 20]:
            list(rows.feed(piece))


# The cell


@pytest.mark.parametrize(
    ("type", "written", "options", "value"),
    [
        (PropertyType.STRING, "Ana", {}, "Ana"),
        (PropertyType.STRING, "", {}, None),
        (PropertyType.NUMBER, "12", {}, 12),
        (PropertyType.NUMBER, "-1100.04", {}, -1100.04),
        (PropertyType.NUMBER, "1,234,567.5", {"format": "1,234.5"}, 1234567.5),
        (PropertyType.NUMBER, "1.234,5", {"format": "1.234,5"}, 1234.5),
        (PropertyType.NUMBER, "1234,5", {"format": "1.234,5"}, 1234.5),
        (PropertyType.BOOL, "Yes", {}, True),
        (PropertyType.BOOL, "0", {}, False),
        (PropertyType.DATE, "2017-03-01", {}, "2017-03-01"),
        (PropertyType.DATE, "3/1/2017", {"format": "%m/%d/%Y"}, "2017-03-01"),
        (PropertyType.DATE, "3/1/2017", {"format": "%m/%d/%Y", "shift_years": 9}, "2026-03-01"),
        (PropertyType.DATE, "2016-02-29", {"shift_years": 9}, "2025-02-28"),
        (PropertyType.DATETIME, "2026-07-01T12:00:00", {}, "2026-07-01T10:00:00.000000Z"),
        (PropertyType.DATETIME, "2026-07-01T12:00:00Z", {}, "2026-07-01T12:00:00.000000Z"),
        (PropertyType.DATETIME, "01.07.2026 12:00", {"format": "%d.%m.%Y %H:%M"}, "2026-07-01T10:00:00.000000Z"),
        (PropertyType.MULTI_ENUM, "red; blue;", {}, ["red", "blue"]),
    ],
)
def test_a_cell_is_read_as_its_type(type: PropertyType, written: str, options: dict[str, object], value: Json) -> None:
    assert read(type, written, **options) == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type", "written", "options"),
    [
        (PropertyType.NUMBER, "1,234", {}),
        (PropertyType.NUMBER, "12,34.5", {"format": "1,234.5"}),
        (PropertyType.NUMBER, "nan", {}),
        (PropertyType.NUMBER, "1e999", {}),
        (PropertyType.NUMBER, "12 EUR", {}),
        (PropertyType.BOOL, "perhaps", {}),
        (PropertyType.DATE, "3/1/2017", {}),
        (PropertyType.DATE, "2017-02-29", {}),
        (PropertyType.DATE, "9990-01-01", {"shift_years": 100}),
        (PropertyType.DATETIME, "yesterday", {}),
    ],
)
def test_a_cell_that_cannot_be_read_says_so(type: PropertyType, written: str, options: dict[str, object]) -> None:
    with pytest.raises(BadCell) as bad:
        read(type, written, **options)  # type: ignore[arg-type]
    assert bad.value.code == "wrong_type"


# The mapping


def test_every_mistake_in_the_form_of_a_mapping_is_listed() -> None:
    _, problems = read_mapping(
        {
            "columns": {
                "a": {"property": "name", "fromat": "x"},
                "b": {"associate": {"object": "company"}},
                "c": {"owner_by": "shoe size"},
                "d": {"ignore": False},
                "e": {},
                "f/g": [{"property": "name"}, {"property": 3}],
            },
            "constnats": {},
        }
    )

    assert {(p.path, p.code) for p in problems} == {
        ("/mapping/constnats", "unknown_field"),
        ("/mapping/columns/a/fromat", "unknown_field"),
        ("/mapping/columns/b/associate/by", "missing_field"),
        ("/mapping/columns/c/owner_by", "wrong_value"),
        ("/mapping/columns/d/ignore", "wrong_value"),
        ("/mapping/columns/e", "wrong_value"),
        ("/mapping/columns/f~1g/1/property", "wrong_value"),
    }


@pytest.mark.parametrize("raw", [None, [], {}, {"columns": []}])
def test_a_mapping_without_columns_is_refused(raw: Json) -> None:
    assert [p.code for p in read_mapping(raw)[1]] == ["missing_field"]


def mapping(**columns: Json) -> ImportMapping:
    found, problems = read_mapping({"columns": columns})
    assert not problems
    return found


def check(
    found: ImportMapping, *header: str, object: str = "opportunity", key: str = "external_id"
) -> set[tuple[str, str]]:
    problems = check_mapping(found, header, schema=SCHEMA, object=object, key=key)
    return {(p.path, p.code) for p in problems}


def test_every_contradiction_with_header_and_schema_is_listed() -> None:
    found, _ = read_mapping(
        {
            "columns": {
                "id": {"property": "external_id"},
                "gone": {"property": "name"},
                "closed": {"property": "is_closed"},
                "day": {"property": "close_date", "format": "tomorrow"},
                "value": {"property": "close_value", "shift_years": 2},
                "color": {"property": "color"},
                "account": {"associate": {"object": "company", "by": "name"}},
                "house": {"associate": {"object": "house", "by": "name"}},
                "again": {"property": "close_value"},
            },
            "constants": {"shape": "round", "product": "GTX"},
        }
    )
    header = ("id", "closed", "day", "value", "color", "account", "house", "again", "new", "", "id")

    assert check(found, *header, key="name") == {
        ("/key", "key_not_unique"),
        ("/mapping/columns/gone", "missing_column"),
        ("/mapping/columns/new", "unnamed_column"),
        ("/file/header/9", "unnamed_column"),
        ("/file/header/10", "duplicate_column"),
        ("/mapping/columns/closed", "read_only"),
        ("/mapping/columns/day/format", "wrong_format"),
        ("/mapping/columns/value/shift_years", "wrong_value"),
        ("/mapping/columns/color", "unknown_property"),
        ("/mapping/columns/account/associate/by", "key_not_unique"),
        ("/mapping/columns/house/associate/object", "unknown_object"),
        ("/mapping/columns/again", "duplicate_property"),
        ("/mapping/constants/shape", "unknown_property"),
    }


def test_the_key_has_to_exist_and_to_be_mapped() -> None:
    found = mapping(name={"property": "name"})

    assert check(found, "name") == {("/key", "key_not_mapped")}
    assert check(found, "name", key="shoe") == {("/key", "unknown_property")}
    assert check(found, "name", object="shoe") == {("/object", "unknown_object")}


def test_an_owner_needs_an_owner_property() -> None:
    found = mapping(id={"property": "external_id"}, agent={"owner_by": "name"})

    assert check(found, "id", "agent") == set()
    assert check(found, "id", "agent", object="company") == {("/mapping/columns/agent", "unknown_property")}


def reader(found: ImportMapping, *header: str) -> RowReader:
    return RowReader(found, header, target=SCHEMA.objects["opportunity"], zone=OSLO)


def test_a_row_is_read_by_the_mapping() -> None:
    found, _ = read_mapping(
        {
            "columns": {
                "id": [{"property": "external_id"}, {"property": "name"}],
                "product": {"property": "product", "values": {"GTXPro": "GTX Pro"}},
                "value": {"property": "close_value", "values": {"none": None, "dozen": "12"}},
                "account": {"associate": {"object": "company", "by": "external_id"}},
                "agent": {"owner_by": "name", "if_missing": "create"},
                "note": {"ignore": True},
            },
            "constants": {"close_date": "2026-01-31"},
        }
    )
    header = ("agent", "note", "id", "value", "product", "account")

    read = reader(found, *header).read(("Ana", "x", "7", "dozen", "GTXPro", "Acme"))

    assert read.properties == {
        "external_id": "7",
        "name": "7",
        "product": "GTX Pro",
        "close_value": 12,
        "close_date": "2026-01-31",
    }
    assert [(wanted.object, text) for wanted, text in read.named] == [("company", "Acme")]
    assert read.owner == (OwnerColumn(owner_by="name", if_missing="create"), "Ana")
    assert read.bad == ()

    blank = reader(found, *header).read(("", "", "7", "none", "", ""))
    assert blank == RowRead({"external_id": "7", "name": "7", "close_date": "2026-01-31"}, (), None, ())


def test_a_cell_that_cannot_be_read_leaves_the_rest_of_the_row_readable() -> None:
    found = mapping(id={"property": "external_id"}, value={"property": "close_value"})

    read = reader(found, "id", "value").read(("7", "much"))

    assert read.properties == {"external_id": "7"}
    assert [(bad.path, bad.code) for bad in read.bad] == [("/properties/close_value", "wrong_type")]


def test_a_row_of_another_width_than_the_header_is_bad_as_a_whole() -> None:
    found = mapping(id={"property": "external_id"}, value={"property": "close_value"})

    read = reader(found, "id", "value").read(("7",))

    assert read.properties == {}
    assert [bad.code for bad in read.bad] == ["column_count"]
    assert reader(found, "id", "value").key(("7",), "external_id") is None


def test_the_key_of_a_row_is_the_value_its_property_gets() -> None:
    found = mapping(id={"property": "external_id", "values": {"seven": "7"}})

    assert reader(found, "id").key(("seven",), "external_id") == "7"
    assert reader(found, "id").key(("",), "external_id") is None
