"""Exports of a store's resources to S3 that lose nothing, slice by slice.

Not imported by ``storekey`` itself: only the function that exports pays for it at its cold start.
"""

from storekey._loading import uncollected

with uncollected():
    from ._function import BadEvent, ExportSettings, export
    from ._routes import RESOURCES
    from ._state import LeaseLost

__all__ = ["RESOURCES", "BadEvent", "ExportSettings", "LeaseLost", "export"]
