"""The connections: libcurl handles, each working on a body or segment, or idle."""

from collections.abc import Callable, Sequence

import pycurl

from backhaul.http.proxies import Proxies
from backhaul.transfer.body import Body
from backhaul.transfer.handle import Handle
from backhaul.transfer.hosts import Host
from backhaul.transfer.loop import Loop
from backhaul.transfer.queues import Queues
from backhaul.transfer.redirect import own_headers, with_cookies
from backhaul.transfer.segments import Segment
from backhaul.transfer.unit import Counters, origin


class Connections:
    """Starts and aborts requests.

    Args:
        loop, counters, queues: the engine's.
        new_handle: creates a handle if none is idle.

    Attributes:
        handles: all handles.
        idle: handles without a request; handlers of completed requests return handles here.
    """

    def __init__(
        self, loop: Loop, counters: Counters, queues: Queues, *, new_handle: Callable[[], Handle]
    ) -> None:
        self._loop = loop
        self._counters = counters
        self._queues = queues
        self._new_handle = new_handle
        self._proxies = Proxies()
        self.handles: dict[pycurl.Curl, Handle] = {}
        self.idle: list[Handle] = []

    def launch(self, host: Host, body: Body, segment: Segment | None, extra: Sequence[str]) -> None:
        """Starts a request.

        Args:
            host: the host.
            body: provides URL and headers.
            segment: the segment to request; None for all, or all of the rest.
            extra: headers in addition to the transfer's.
        """
        host.started()
        self._queues.started(body)
        self._counters.active += 1
        self._counters.requests += 1
        handle = self.idle.pop() if self.idle else self._add()
        handle.owner = body
        handle.segment = segment
        request = body.transfer.request
        if (request.headers or request.auth) and not body.away:
            extra = [*own_headers(request), *extra]
        if body.cookies is not None:
            extra = with_cookies(extra, body.cookies.header(body.url))
        if self._proxies:
            handle.use_proxy(self._proxies.of(body.url))
        handle.look_up(again=body.total_attempts > 0)
        handle.prepare(body.url, extra)
        self._loop.add(handle.curl)

    def _add(self) -> Handle:
        handle = self._new_handle()
        self.handles[handle.curl] = handle
        return handle

    def abort(self, body: Body) -> None:
        """Aborts a body's active requests; starts no more for a segmented one."""
        for handle in self.handles.values():
            if handle.owner is body:
                self._loop.multi.remove_handle(handle.curl)
                body.bind(handle.headers)
                asked = body.origin if handle.segment is None else origin(handle.segment.url)
                self._queues.hosts[asked].active -= 1
                self._counters.active -= 1
                handle.release()
                self.idle.append(handle)
        body.give_back()
        self._queues.segmented.discard(body)

    def close(self) -> None:
        """Closes the handles."""
        for handle in self.handles.values():
            handle.curl.close()
