"""A small HTTP/1.1 server for tests: fast, with keep-alive, and able to misbehave on the socket.

One event loop in a thread serves several ports. It handles about ten thousand small requests per second,
which the servers of web frameworks do not.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from backhaul.testing.connection import Connection, Handler, Port


class Wire:
    """The event loop's thread and its ports."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        # a single thread: handlers on it need no locks
        self.loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="backhaul-api"))
        self._thread = threading.Thread(target=self._run, name="backhaul-emulator", daemon=True)
        self._servers: list[tuple[Port, asyncio.Server]] = []

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def listen(self, handler: Handler, number: int = 0) -> Port:
        """Listen on 127.0.0.1; port 0 for any free one. Raises OSError if it is in use."""
        port = Port(handler)

        async def open_port() -> asyncio.Server:
            return await self.loop.create_server(
                lambda: Connection(self.loop, port), "127.0.0.1", number, backlog=1024
            )

        server = asyncio.run_coroutine_threadsafe(open_port(), self.loop).result()
        port.number = server.sockets[0].getsockname()[1]
        self._servers.append((port, server))
        return port

    def stop(self) -> None:
        """Close all ports and connections, end the thread. May be called again."""
        if self.loop.is_closed():
            return
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def _close(self) -> None:
        for port, server in self._servers:
            server.close()
            for connection in tuple(port.connections):
                connection.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports close their sockets

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
