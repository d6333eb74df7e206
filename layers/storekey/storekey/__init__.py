"""A call to a BigCommerce store that survives a rotated token, and tells when the store refuses it."""

from ._check import check
from ._errors import (
    BadAnswer,
    BadCredentials,
    Forbidden,
    MissingCredentials,
    NotFound,
    RateLimited,
    RequestRejected,
    StoreError,
    TlsFailure,
    TokenRequired,
    Unauthorized,
    Unavailable,
    Unreachable,
    WrongApiPath,
)
from ._invocation import lambda_handler
from ._operations import pick_up_candidate, promote_candidate, rotate_candidate
from ._rotation import CandidateRejected, NoCandidate, NotPending, RotationError
from ._settings import Settings, SettingsError
from ._store import Api, Store

__all__ = [
    "Api",
    "BadAnswer",
    "BadCredentials",
    "CandidateRejected",
    "Forbidden",
    "MissingCredentials",
    "NoCandidate",
    "NotFound",
    "NotPending",
    "RateLimited",
    "RequestRejected",
    "RotationError",
    "Settings",
    "SettingsError",
    "Store",
    "StoreError",
    "TlsFailure",
    "TokenRequired",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "WrongApiPath",
    "check",
    "lambda_handler",
    "pick_up_candidate",
    "promote_candidate",
    "rotate_candidate",
]
