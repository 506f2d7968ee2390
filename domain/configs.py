"""Looks into action configs through the markers on their fields: which texts are templates, which name something."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from domain.base import Json
from domain.catalogue import ActionConfig, ActionSpec
from domain.fields import EmailReference, Liquid, Marker, WorkflowReference
from domain.ports import Templates
from domain.reader import join


def config_of(spec: ActionSpec, config: dict[str, Json]) -> ActionConfig:
    """The config of an action that was examined before.

    Raises:
        pydantic.ValidationError: it never was.
    """
    return spec.config.model_validate(config)


def marked(config: BaseModel) -> Iterator[tuple[str, Marker, str]]:
    """Every marked text in a config: its pointer below the config, the marker, the text."""
    for name, info in type(config).model_fields.items():
        value = getattr(config, name, None)
        yield from _marked(info.annotation, info.metadata, value, join("", info.alias or name))


def variables_of(config: BaseModel, templates: Templates) -> set[tuple[str, ...]]:
    """The variables all templates of a config read, as paths."""
    return {
        variable
        for _, marker, text in marked(config)
        if isinstance(marker, Liquid)
        for variable in templates.check(text).variables
    }


def emails_of(config: BaseModel) -> list[str]:
    """The slugs of the reusable emails a config names."""
    return [slug for _, marker, slug in marked(config) if isinstance(marker, EmailReference)]


def workflow_fields(spec: ActionSpec, config: Mapping[str, Json]) -> list[str]:
    """The fields of a config, whatever mistakes it has, that name a workflow by its slug."""
    names = {info.alias or name for name, info in spec.config.model_fields.items()}
    # Not examined: one field may be right while another is not.
    written: dict[str, Any] = {name: value for name, value in config.items() if name in names}
    bare = spec.config.model_construct(**written)
    return [path.removeprefix("/") for path, marker, _ in marked(bare) if isinstance(marker, WorkflowReference)]


def _marked(annotation: Any, metadata: Sequence[Any], value: Any, path: str) -> Iterator[tuple[str, Marker, str]]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _marked(parts[0], [*metadata, *parts[1:]], value, path)
    elif isinstance(value, str):
        yield from ((path, each, value) for each in metadata if isinstance(each, Marker))
        if origin in (Union, types.UnionType) and not any(_is_word(part, value) for part in parts):
            for part in parts:
                yield from _marked(part, (), value, path)
    elif isinstance(value, BaseModel):
        yield from ((path + below, marker, text) for below, marker, text in marked(value))
    elif isinstance(value, dict):
        inner, markers = _inside(annotation, (dict,), metadata)
        for name, each in value.items():
            yield from _marked(inner, markers, each, join(path, name))
    elif isinstance(value, list | tuple):
        inner, markers = _inside(annotation, (list, tuple), metadata)
        for i, each in enumerate(value):
            yield from _marked(inner, markers, each, join(path, i))


def _inside(annotation: Any, origins: tuple[type, ...], metadata: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """What stands in a list or an object, by its last argument, and its markers: of any JSON, those of the whole."""
    found = next((part for part in _members(annotation) if get_origin(part) in origins), None)
    if found is None:
        return Any, metadata
    return next(part for part in reversed(get_args(found)) if part is not Ellipsis), ()


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_word(annotation: Any, value: str) -> bool:
    """Whether the text is one of the fixed words a field takes besides a reference."""
    return get_origin(annotation) is Literal and value in get_args(annotation)
