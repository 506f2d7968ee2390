"""The part of the Temporal SDK that is not Python: where its own messages and metrics go."""

from __future__ import annotations

import logging

from temporalio import activity, workflow
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)


def set_up_sdk(metrics_address: str = "") -> None:
    """Have what the SDK says written like everything else; by itself it writes to stderr in a form of its own.

    ``metrics_address``: the ``host:port`` where Prometheus finds the SDK's own metrics, if anywhere.

    Before the first client of the process: it keeps the runtime it was made with.

    Raises:
        ValueError: it cannot be listened there.
    """
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    filters = TelemetryFilter(core_level="WARN", other_level="ERROR")
    # Named as Prometheus wants names, so that rules and dashboards for other SDKs of Temporal fit.
    metrics = PrometheusConfig(metrics_address, True, True, True) if metrics_address else None
    telemetry = TelemetryConfig(logging=LoggingConfig(filter=filters, forwarding=forwarding), metrics=metrics)
    Runtime.set_default(Runtime(telemetry=telemetry), error_if_already_set=False)
    # The ids are fields of the line; as part of the sentence no two lines would be of one kind.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
