"""Traces by OpenTelemetry, handed to a collector over OTLP. Loads nothing of it unless traces are asked for.

What leaves is what ``KEPT`` names and ids of ours: libraries put addresses and the words of errors on their spans.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import CarrierT, Getter, default_getter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

OWN = "followthrough."
"""What the names of our attributes begin with."""

KEPT = frozenset({
    "http.request.method", "http.route", "http.response.status_code", "error.type",
    "temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalUpdateID",
})  # fmt: skip
"""Attributes of libraries that hold no address, name, value or secret."""

FLUSH_S = 3.0
"""How long an ending process waits for a collector to take the last spans."""

_W3C = TraceContextTextMapPropagator()


class OnlyParent(TraceContextTextMapPropagator):
    """Takes over which span called, and no more: baggage and state are words of whoever calls, and would be kept."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """The context of the caller's span."""
        given = getter.get(carrier, "traceparent") or []
        return super().extract({"traceparent": given[0]} if given else {}, context)


class OpenTelemetryTraces:
    """The spans of this process; see ``domain.tracing.Traces``."""

    def __init__(self, processor: SpanProcessor, provider: TracerProvider) -> None:
        self._processor = processor
        self._tracer = provider.get_tracer("followthrough")

    @classmethod
    def open(cls, url: str, process: str, make_provider: Callable[..., Any]) -> OpenTelemetryTraces:
        """Hand the spans of this process to the collector at ``url``; once per process.

        ``process`` names it. ``make_provider`` takes the keywords of the SDK's own one. How many are kept and with what
        headers they are sent say OpenTelemetry's own variables (``OTEL_…``).
        """
        resource = Resource.create({SERVICE_NAME: "followthrough", SERVICE_INSTANCE_ID: process})
        provider = make_provider(resource=resource, shutdown_on_exit=False)
        processor = BatchSpanProcessor(Bare(OTLPSpanExporter(endpoint=url)))
        provider.add_span_processor(processor)
        trace.set_tracer_provider(provider)
        propagate.set_global_textmap(OnlyParent())
        return cls(processor, provider)

    def close(self) -> None:
        """Hand over what is left, to a collector that takes it within ``FLUSH_S``."""
        # A thread of its own that nobody waits for: an exporter goes on trying for longer than a process may last.
        last = threading.Thread(target=self._processor.force_flush, daemon=True)
        last.start()
        last.join(FLUSH_S)

    def here(self) -> str | None:
        """As the port says."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")

    def trace_id(self) -> str | None:
        """As the port says."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    def note(self, **ids: str | int | None) -> None:
        """As the port says."""
        trace.get_current_span().set_attributes(_named(ids))

    @contextmanager
    def span(self, name: str, *, behind: str | None, **ids: str | int | None) -> Iterator[None]:
        """As the port says."""
        context = _W3C.extract({"traceparent": behind}) if behind is not None else None
        with self._tracer.start_as_current_span(name, context, SpanKind.CONSUMER, _named(ids)):
            yield

    @contextmanager
    def trace(self, name: str, *, because_of: str | None, **ids: str | int | None) -> Iterator[None]:
        """As the port says. ``caused_by`` names the other trace as well: few places to look search by links."""
        cause = trace.get_current_span(_W3C.extract({"traceparent": because_of or ""})).get_span_context()
        links = [Link(cause)] if cause.is_valid else []
        caused_by = trace.format_trace_id(cause.trace_id) if cause.is_valid else None
        attributes = _named({**ids, "caused_by": caused_by})
        with self._tracer.start_as_current_span(name, Context(), SpanKind.PRODUCER, attributes, links):
            yield


class Bare(SpanExporter):
    """An exporter that hands spans on without what is nobody's business."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand them on."""
        return self._inner.export([bare(span) for span in spans])

    def shutdown(self) -> None:
        """End the other one."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have the other one hand over what it holds."""
        return self._inner.force_flush(timeout_millis)


def bare(span: ReadableSpan) -> ReadableSpan:
    """The span with the attributes that may leave; its errors by their types, its events not at all."""
    attributes = {
        name: value for name, value in (span.attributes or {}).items() if name in KEPT or name.startswith(OWN)
    }
    kinds = [(event.attributes or {}).get("exception.type") for event in span.events]
    if kinds and kinds[-1] is not None:
        attributes.setdefault("error.type", kinds[-1])
    return ReadableSpan(
        name=span.name, context=span.context, parent=span.parent, resource=span.resource, attributes=attributes,
        links=span.links, kind=span.kind, status=Status(span.status.status_code), start_time=span.start_time,
        end_time=span.end_time, instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip


def _named(ids: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {f"{OWN}{name}": value for name, value in ids.items() if value is not None}
