"""The story's second part: exports under faults and a change of the account lose nothing."""

from __future__ import annotations

from sandbox.files import Files
from sandbox.store import Answer, Arriving, Reset, TokenAccount, Truncate

from .owner import Owner

_PATH = "/orders"


def play(owner: Owner, live: TokenAccount) -> TokenAccount:
    """Play the part, in which the ``live`` account is deleted; returns the one that is live at its end."""
    on, store = owner.on, owner.store
    _faults(owner)
    last = _revoked_half_way(owner, live)
    for kind in ("customers", "products"):
        on.export(f"{kind} are exported", kind)
    files = Files(on.stack.client("s3"), on.stack.output("ExportBucketName"), store, on.stack.settings.store_name)
    wrong = files.lost_or_stale()
    seen = f"{len(store.orders)} orders compared with the files, {len(wrong)} differ"
    on.story.prove(wrong == [], "0 rows are lost or stale", seen, f"orders {wrong[:9]} in {files.bucket}")
    return last


def _faults(owner: Owner) -> None:
    on, store = owner.on, owner.store
    store.change_orders(list(store.orders), staff_notes="looked through")
    owner.pass_time()
    first = min(store.orders)

    def change(arriving: Arriving) -> None:
        if arriving.path.endswith(_PATH) and arriving.query.get("min_id"):
            store.before_request = None
            store.change_order(first, staff_notes="changed behind the page")

    on.story.tell("All orders are edited. While they are exported one changes again, and the store answers wrongly.")
    faults = (Answer(503), Reset("body"), Answer(429, headers={"X-Rate-Limit-Time-Reset-Ms": "500"}), Truncate())
    store.clear_requests()
    store.before_request = change
    for fault in faults:
        store.fault(fault, path=_PATH)
    on.export("an incremental run goes on after each of them", "orders")
    asked = [seen for seen in store.requests if _PATH in seen.path]
    statuses = sorted({seen.status for seen in asked})
    on.story.prove({429, 503} <= set(statuses), "they came", f"{len(asked)} requests, answered {statuses}")
    owner.pass_time()
    on.export("the next run brings what changed meanwhile", "orders")


def _revoked_half_way(owner: Owner, old: TokenAccount) -> TokenAccount:
    on, store = owner.on, owner.store
    store.remove_order(max(store.orders))
    owner.pass_time()

    def revoke(arriving: Arriving) -> None:
        if arriving.path.endswith(_PATH) and arriving.query.get("min_id"):
            store.before_request = None
            store.delete(old)

    on.story.tell("An order is removed, a full run begins, and in its middle the owner deletes the account.")
    store.before_request = revoke
    on.expect("the run stops and keeps what it has", 1, "export", "orders", "--full")
    owner.stage(new := owner.token(), "another account is staged and promoted")
    ran = on.export("and the same run goes on to its end", "orders", "--full")
    verdict = ran["counts"]["verdict"]
    on.story.prove(verdict in ("agrees", "explained"), "it is complete by the store's own counts", str(ran["counts"]))
    return new
