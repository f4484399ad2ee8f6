"""``settings.webhook``: posts finished jobs or runs to a URL, with retries, in its own thread."""

import queue
import threading
import time
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

from backhaul.config.notices import Webhook, refused
from backhaul.errors import BackhaulError, ConfigError, InterruptedRunError
from backhaul.events import Event, JobEnded
from backhaul.http.origins import bare, origin
from backhaul.http.session import Http, HttpLimits
from backhaul.notify.event_json import as_line, event_json, run_ended_json
from backhaul.notify.problems import Problems
from backhaul.redact import own_values, register
from backhaul.run.result import RunResult

_AT_LAST: Final = 0.3  # seconds for a request once the run is stopping
_BETWEEN: Final = 120.0  # seconds after the first attempt within which retries may start
_LONG: Final = 16  # characters of a path that may be a secret
_REDIRECTS: Final = 300
_ANSWER: Final = 1 << 20  # bytes
_NO_TIME: Final = "not posted: the run has ended"


class WebhookNotice:
    """Posts each job that has ended, or the run, as JSON.

    Args:
        webhook: the settings.
        agent: the User-Agent; None for backhaul and its version.
        problems: receives what goes wrong.
    """

    patience = 60.0

    def __init__(self, webhook: Webhook, *, agent: str | None, problems: Problems) -> None:
        self._webhook = webhook
        self._agent = agent
        self._problems = problems
        self._stop = threading.Event()
        self._waiting: queue.SimpleQueue[tuple[str, str, dict[str, Any]] | None] = (
            queue.SimpleQueue()
        )
        self._lock = threading.Lock()
        self._posting: tuple[str, str] | None = None  # taken by whoever reports how it ended
        self._first = ("", "")
        self._thread = Thread(target=self._run, name="backhaul-webhook", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether anything is left to post."""
        return self._thread.is_alive()

    def __call__(self, event: Event) -> None:
        """Receives an event; on the thread that waits for the run."""
        if isinstance(event, JobEnded):
            self._first = (event.job, event.folder)
            if self._webhook.per == "job":
                self._waiting.put((event.job, event.folder, event_json(event, time.time())))

    def over(self, result: RunResult | None) -> None:
        """No more events follow."""
        if self._webhook.per == "run" and result is not None:
            job, folder = self._first
            self._waiting.put((job, folder, run_ended_json(result, time.time())))
        self._waiting.put(None)

    def close(self) -> None:
        """Drops what is left, and reports that."""
        self._stop.set()
        self._thread.join(_AT_LAST)
        self._posted(_NO_TIME)
        while not self._waiting.empty():
            found = self._waiting.get()
            if found is not None:
                self._problems.add("webhook", *found[:2], _NO_TIME)
        self._waiting.put(None)

    # -- on the thread that posts -------------------------------------------------------------------

    def _run(self) -> None:
        http = Http(
            stop=self._stop,
            agent=self._agent,
            limits=HttpLimits(
                read=self._webhook.timeout.total_seconds(),
                total=self._webhook.timeout.total_seconds(),
                patience=_BETWEEN,
                retries=self._webhook.retries,
                body=_ANSWER,
            ),
        )
        while (found := self._waiting.get()) is not None:
            job, folder, body = found
            self._posting = job, folder
            self._posted(self._post(http, body))

    def _posted(self, problem: str | None) -> None:
        """Reports a problem with what is being posted, if nothing has been reported of it."""
        with self._lock:
            posting, self._posting = self._posting, None
        if posting is not None and problem is not None:
            self._problems.add("webhook", *posting, problem)

    def _post(self, http: Http, body: dict[str, Any]) -> str | None:
        """Posts a body; returns what went wrong, or None."""
        try:
            url = self._url()
            answer = http.post(
                url,
                data=as_line(body),
                headers={"Content-Type": "application/json", **self._webhook.headers},
                retry=True,
                allow_redirects=False,
            )
        except InterruptedRunError:
            return _NO_TIME
        except ConfigError as error:  # of a secret that is kept elsewhere
            return error.message
        except BackhaulError as error:
            return self._without_path(error.message)
        if answer.status_code >= _REDIRECTS:
            return f"{origin(url)} redirects, which is not followed: set webhook.url to the target"
        return None

    def _url(self) -> str:
        """The URL, with the parts that may be secret registered with the redactor. Raises BackhaulError."""
        url = self._webhook.url.reveal()
        check = refused(url)
        if check is not None:
            raise ConfigError(f"the URL {check}")
        path = urlsplit(url).path
        for value in (*own_values(url), *([path] if len(path) >= _LONG else [])):
            register(value)
        return url

    def _without_path(self, message: str) -> str:
        """A message with the URL's origin only: paths of webhooks are often secret."""
        url = self._webhook.url.reveal()
        return message.replace(bare(url), origin(url))
