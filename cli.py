"""`followthrough …`: the command line of an installation and of its API."""

from __future__ import annotations

import typer

from commands import (
    audit,
    backups,
    effects,
    emails,
    enrollments,
    events,
    explaining,
    installation,
    lists,
    occurrences,
    recipes,
    records,
    sample,
    secrets,
    subscriptions,
    suppressions,
    tasks,
    tickets,
    trouble,
    usages,
    users,
    verifying,
    workflows,
)

app = typer.Typer(
    name="followthrough",
    help="Carries every record that enters a workflow through to its end.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(installation.up)
app.command("api")(installation.api)
app.command("worker")(installation.worker)
app.command("migrate")(installation.migrate)
app.command("import")(records.import_file)
app.command("enroll")(enrollments.enroll)
app.command("unenroll")(enrollments.unenroll_all)
app.command("explain")(explaining.explain)
app.command("report")(workflows.report)
app.command("trouble")(trouble.trouble)
app.command("retry")(trouble.retry_many)
app.command("messages")(enrollments.messages)
app.command("inbox")(tasks.inbox)
app.command("audit")(audit.audit)
app.command("usages")(usages.usages)
app.command("outbox")(installation.outbox)
app.command("missing-runs")(installation.missing_runs)
app.command("verify")(verifying.verify)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.add_typer(installation.key, name="key")
app.add_typer(users.user, name="user")
app.add_typer(records.record, name="record")
app.add_typer(events.event, name="event")
app.add_typer(lists.lists, name="list")
app.add_typer(emails.email, name="email")
app.add_typer(subscriptions.subscriptions, name="subscriptions")
app.add_typer(suppressions.suppression, name="suppression")
app.add_typer(secrets.secrets, name="secret")
app.add_typer(sample.sample, name="sample")
app.add_typer(recipes.recipe, name="recipe")
workflows.workflow.command("occurrences")(occurrences.occurrences)
workflows.workflow.command("run-missed")(occurrences.run_missed)
app.add_typer(tickets.channel, name="channel")
app.add_typer(tickets.thread, name="thread")
app.add_typer(tickets.pipeline, name="pipeline")
app.add_typer(workflows.workflow, name="workflow")
app.add_typer(enrollments.enrollment, name="enrollment")
app.add_typer(effects.effect, name="effect")
app.add_typer(tasks.task, name="task")


def main() -> None:
    """Run the command of this process."""
    app()


if __name__ == "__main__":
    main()
