"""The operator's page: what it lists is there, what it says to do works."""

from typing import Any

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from attachment_service.settings import Settings as AttachmentSettings
from chat_gateway.moderation.settings import Settings as ModerationSettings
from chat_gateway.settings import Settings as GatewaySettings
from order_service.settings import Settings as OrderSettings
from tests.docs.pages import blocks, table
from tests.docs.walk import Walk

PAGE = "operations.md"
START, *REST = blocks(PAGE, "sh")
ORDER = "/v1/orders/film-2041/messages"
IDS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(2)]


def test_every_setting_is_documented_with_its_default() -> None:
    """The table names each variable a service reads, no other, and what it is if not set."""
    told = {row[0]: row[1] for row in table(PAGE, "variable", "default", "meaning")}
    services = (OrderSettings(), AttachmentSettings(), ModerationSettings(), GatewaySettings())
    read = {name: default for service in services for name, default in defaults(service).items()}

    assert told.keys() == read.keys()
    # What is not set by default is described in words.
    wrong = {name for name, default in read.items() if not told[name].startswith(default or "")}
    assert wrong == set()


def test_every_metric_is_documented(walk: Walk) -> None:
    """The table names each figure a running system shows, and no other."""
    walk.take([START])
    page = httpx.get(walk.here("http://127.0.0.1:8080/metrics")).text
    shown = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(page)
    }

    assert {row[0] for row in table(PAGE, "metric", "alarm when")} == shown


def test_nothing_is_lost_by_what_the_page_says(walk: Walk) -> None:
    """Every block in order: what was said stands after backup, rebuild and a new epoch, is not
    written twice, and a position of the old epoch leads to a new beginning."""
    walk.take([START])
    chat = walk.here("http://127.0.0.1:8080")
    with httpx.Client(base_url=chat, headers={"Authorization": f"Bearer {token(walk)}"}) as anna:
        said = anna.post(ORDER, json={"id": IDS[0], "text": "before"}).raise_for_status().json()
        walk.take(REST)
        again = anna.post(ORDER, json={"id": IDS[0], "text": "before"})
        anna.post(ORDER, json={"id": IDS[1], "text": "after"}).raise_for_status()
        page = anna.get(ORDER, params={"after": said["event"]["seq"]}).json()

    assert (again.status_code, again.json()) == (200, said)
    assert texts(page)[-2:] == ["before", "after"]
    assert page["reset"]
    assert page["head"] >> 44 == 2


def defaults(settings: msgspec.Struct) -> dict[str, str | None]:
    """What each variable is if it is not set; null where that is no value of its own."""

    def shown(value: object) -> str | None:
        match value:
            case None:
                return None
            case bool():
                return "on" if value else "off"
            case tuple():
                return ", ".join(value) or None
            case frozenset():
                return ", ".join(value) or "none"
        return str(value)

    fields = [field.name for field in msgspec.structs.fields(settings) if field.name != "data"]
    return {f"ORDER_CHAT_{name.upper()}": shown(getattr(settings, name)) for name in fields}


def token(walk: Walk) -> str:
    """Anna's, signed as an operator would."""
    command = ".venv/bin/python -m deploy.token --user anna"
    return walk.take([START._replace(note="", text=command)]).strip()


def texts(page: dict[str, Any]) -> list[str]:
    return [event["text"] for event in page["events"] if event["type"] == "message"]
