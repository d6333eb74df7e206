"""`storekey`, as `python -m ops`."""

from .cli import app

app(prog_name="storekey")
