"""A call to a BigCommerce store that survives a rotated token, and tells when the store refuses it."""

from ._loading import uncollected

with uncollected():
    from ._check import check
    from ._credentials import Credentials, Problem, parse_secret
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
    from ._hidden import Hidden
    from ._hosts import AllowedHosts
    from ._invocation import lambda_handler, rehearsal
    from ._operations import pick_up_candidate, promote_candidate, rotate_candidate
    from ._promotion import store_of, store_test
    from ._rotation import CandidateRejected, NoCandidate, NotPending, NotTested, RotationError
    from ._secret import CANDIDATE, LIVE, PREVIOUS, REJECTED, LabelMovedError, Secret
    from ._settings import Settings, SettingsError
    from ._store import Api, Store

__all__ = [
    "CANDIDATE",
    "LIVE",
    "PREVIOUS",
    "REJECTED",
    "AllowedHosts",
    "Api",
    "BadAnswer",
    "BadCredentials",
    "CandidateRejected",
    "Credentials",
    "Forbidden",
    "Hidden",
    "LabelMovedError",
    "MissingCredentials",
    "NoCandidate",
    "NotFound",
    "NotPending",
    "NotTested",
    "Problem",
    "RateLimited",
    "RequestRejected",
    "RotationError",
    "Secret",
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
    "parse_secret",
    "pick_up_candidate",
    "promote_candidate",
    "rehearsal",
    "rotate_candidate",
    "store_of",
    "store_test",
]
