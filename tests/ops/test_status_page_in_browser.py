"""The page of `storekey status`, in a real browser: narrow and wide, light and dark.

`make audit` runs it, for it needs Chromium or Chrome on PATH.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.measures import Series, Span
from ops.parts import Fact, Part, Plot, Status
from ops.status_page import page

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=5000",
    "--dump-dom",
)
SCHEMES = {"light": "1", "dark": "0"}
SIZES = {"phone": (360, 740), "desk": (1280, 800)}
# Measures the page in its frame and leaves what it finds in the document around it.
MEASURE = """
<script>
function light(rgb) {
  const part = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * part(rgb[0]) + 0.7152 * part(rgb[1]) + 0.0722 * part(rgb[2]);
}
const rgb = text => text.match(/[\\d.]+/g).map(Number);
function behind(element) {
  for (; element; element = element.parentElement) {
    const colour = rgb(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
}
function contrast(element) {
  const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(each => { each.open = true; });
  const texts = [...document.querySelectorAll("main *")].filter(
    each => [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()) && !each.closest("svg"));
  const box = selector => document.querySelector(selector).getBoundingClientRect();
  const drawn = [...document.querySelectorAll("svg path")].map(each => each.getBoundingClientRect());
  const contrasts = texts.map(each => [contrast(each), each.textContent.trim().slice(0, 40)]);
  const found = {
    width: innerWidth, scrolls: document.documentElement.scrollWidth, verdict: box(".verdict").top,
    height: innerHeight, contrast: contrasts.sort((a, b) => a[0] - b[0])[0], texts: texts.length,
    plots: [...document.querySelectorAll("svg")].map(each => each.getBoundingClientRect())
      .filter(each => each.width > 200 && each.height > 20).length,
    shapes: drawn.filter(each => each.width > 0 || each.height > 0).length, paths: drawn.length,
    smallest: Math.min(...texts.map(each => parseFloat(getComputedStyle(each).fontSize))),
    back: behind(document.body),
  };
  const out = parent.document.createElement("pre");
  out.className = "found";
  out.textContent = JSON.stringify([frameElement.id, found]);
  parent.document.body.append(out);
});
</script>
"""


@dataclass
class Site:
    """The page and what measures it, on a port of this machine; and what was asked for there."""

    html: str
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Site:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = {"/": site.frames(), "/page": site.measured()}.get(self.path, "")
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def frames(self) -> str:
        frames = [
            f'<iframe id="{each}" src="/page" width="{w}" height="{h}"></iframe>' for each, (w, h) in SIZES.items()
        ]
        return f"<!doctype html><title>frames</title><style>iframe {{border: 0}}</style>{''.join(frames)}"

    def measured(self) -> str:
        """The page with the measuring script, which its own policy would forbid."""
        head, policy, rest = self.html.partition('<meta http-equiv="Content-Security-Policy"')
        assert policy, "the page has a policy"
        return head + rest.partition(">")[2].replace("</body>", MEASURE + "</body>")


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"none of {', '.join(BROWSERS)} is on PATH; install one: apt-get install chromium"
    return found


@pytest.fixture(scope="module")
def full() -> str:
    """A page with everything that there is: long names, several series, an empty plot, much that is wrong."""
    over = Span.of_hours(24, time.time())
    times = [over.begin + over.period * number for number in range(90)]
    rising = Series(tuple((at, float(number % 37)) for number, at in enumerate(times)))
    alone = Series(((times[3], 5.0), (times[60], 9.0)))
    plots = [
        Plot(
            "Store accepted the credentials", "", over, {"refused": Series(((times[0], 0.0), (times[50], 1.0)))}, "band"
        ),
        Plot("Answered requests", "", over, {"orders": rising, "customers": alone, "products": rising}, "bars"),
        Plot("Time to an answer", "ms", over, {"mean": rising, "slowest": alone}, limit=20.0, limit_label="limit"),
        Plot("Quota left", "%", over, {"least": Series()}),
    ]
    wrong = ["storekey-credentials-refused: " + "put-secret-value --secret-id arn:aws:secretsmanager:" + "x" * 90]
    facts = [
        Fact("state", "refused", "refused, or unusable", "bad"),
        Fact("orders", 1, "1 h behind", "good"),
        Fact("labels", {}, "AWSCURRENT" * 9),
        Fact("rows", 1, "1,000,000 orders, 100,000 customers"),
    ]
    parts = [Part(title, facts, plots, wrong) for title in ("Credentials", "Calls")]
    unread = Part("Exports", unread="AWS refused GetItem (AccessDeniedException)")
    states = ("OK", "ALARM", "INSUFFICIENT_DATA")
    alarms = {f"storekey-{'very-' * number}long": state for number, state in enumerate(states)}
    return page(Status("storekey", "wholesale" * 6, "us-east-1", time.time(), 24.0, alarms, [*parts, unread]))


@pytest.fixture(scope="module", params=SCHEMES)
def looked(request: pytest.FixtureRequest, browser: str, full: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    profile = tmp_path_factory.mktemp("profile")
    scheme = f"--blink-settings=preferredColorScheme={SCHEMES[request.param]}"
    with Site(full) as site:
        command = [browser, *OPTIONS, scheme, f"--user-data-dir={profile}", "--window-size=1700,1700", site.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    found = dict(
        json.loads(text.partition("</pre>")[0].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
        for text in done.stdout.split('<pre class="found">')[1:]
    )
    assert found.keys() == SIZES.keys(), done.stderr
    return request.param, found, site.asked, done.stderr


@pytest.mark.parametrize("size", SIZES)
def test_it_is_readable(looked: Any, size: str) -> None:
    _, found, _, _ = looked
    one = found[size]
    assert one["width"] == SIZES[size][0]
    assert one["scrolls"] <= one["width"], "nothing is cut off at the side"
    assert 0 < one["verdict"] < one["height"] / 3, "what is wrong is seen at once"
    assert one["contrast"][0] >= 4.5, one["contrast"]
    assert one["smallest"] >= 11
    assert one["texts"] > 60


@pytest.mark.parametrize("size", SIZES)
def test_its_plots_are_drawn(looked: Any, size: str) -> None:
    one = looked[1][size]
    assert one["plots"] == 6, "three of each part; the fourth has no data and says so"
    assert one["shapes"] == one["paths"] > 12


def test_it_is_dark_where_the_reader_wants_it(looked: Any) -> None:
    scheme, found, _, _ = looked
    backs = {sum(one["back"]) > 380 for one in found.values()}
    assert backs == {scheme == "light"}


def test_it_asks_for_nothing_and_complains_of_nothing(looked: Any) -> None:
    _, _, asked, errors = looked
    assert set(asked) <= {"/", "/page", "/favicon.ico"}
    assert "CONSOLE" not in errors


def test_its_own_policy_lets_its_style_in(browser: str, full: str, tmp_path: Path) -> None:
    """As it is written, policy and all: the style is applied, which the picture's colours show."""
    (tmp_path / "page.html").write_text(full)
    picture = tmp_path / "page.png"
    options = [each for each in OPTIONS if each != "--dump-dom"]
    command = [browser, *options, f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, f"--screenshot={picture}", "--window-size=900,700", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert picture.stat().st_size > 15_000, done.stderr
    assert "CONSOLE" not in done.stderr
