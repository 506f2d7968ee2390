"""What definitions of an installation may refer to, as it is now."""

from __future__ import annotations

from domain.catalogue import Catalogue
from services.installation import Installation
from store.database import Read
from store.emails import known_emails
from store.lists import dynamic_slugs, known_lists
from store.people import active_user_ids
from store.schema import load_schema
from store.secrets import known_secrets
from store.stage_automations import managed_slugs
from store.subscriptions import internal_types, known_types
from store.teams import known_teams
from store.workflows import known_workflows


async def load_catalogue(read: Read, inst: Installation) -> Catalogue:
    """Object types, actions, active users, teams, workflows, lists and what else there is; a small query each."""
    return Catalogue(
        schema=await load_schema(read),
        actions=dict(inst.actions),
        templates=inst.templates,
        holidays=inst.holidays,
        users=await active_user_ids(read),
        workflows=await known_workflows(read),
        secrets=await known_secrets(read),
        lists=await known_lists(read),
        dynamic_lists=await dynamic_slugs(read),
        subscription_types=await known_types(read),
        internal_types=await internal_types(read),
        addresses=inst.addresses,
        markup=inst.markup,
        emails=await known_emails(read),
        teams=await known_teams(read),
        managed=await managed_slugs(read),
    )
