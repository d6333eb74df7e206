"""That no secret has come out: neither in what the stack logged, nor in what it told or answered."""

from __future__ import annotations

from collections.abc import Sequence

from .deployed import Deployed


def nothing_leaked(on: Deployed, forms: Sequence[str]) -> None:
    """Search all logs since the test began, all messages and all answers; the last check's line must be there first."""
    last, group = str(on.storekey("check").said.get("checked_at")), on.log_group("check_credentials")
    line = on.wait_for_line("credentials checked", last)
    on.story.prove(line is not None, "the functions' logs can be read", f"the check at {last} is there", group)
    places = {**on.logged(), "the answers": on.printed, "the topic and the bus": on.inbox.texts()}
    found = [place for place, lines in places.items() if any(form in line for form in forms for line in lines)]
    searched = f"{sum(map(len, places.values()))} lines of {len(places)} places searched for {len(forms)} values"
    on.story.prove(
        not found,
        "no token and no header is in what the stack logged, told and answered",
        f"{searched}, found in {', '.join(found) or 'none'}",
        ", ".join(found),
    )
