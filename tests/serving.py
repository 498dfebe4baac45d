"""An HTTP server on loopback that serves a folder, as well or as badly as a test asks."""

import contextlib
import http.server
import os
import threading
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves files whole or from a byte on; `server.fault` is what goes wrong.

    ``'truncated'``: the connection ends half-way; ``'chopped'``: so does the file, and its length
    is said to be that; ``'corrupted'``: the last byte is another; ``'slow'``: a piece now and then;
    ``'stalled'``: nothing after half; ``'refused'``: error 503 half-way through the requests;
    ``'whole'``: no parts are served; ``'endless'``: no length, no end;
    ``'late'``: nothing for half a second.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        path = os.path.join(server.root, urllib.parse.unquote(self.path).lstrip("/"))
        server.requests.append((self.path, self.headers.get("Range")))
        if server.fault == "refused" and len(server.requests) > 1:
            return self.send_error(503)
        if server.fault == "late":
            time.sleep(0.5)
        if server.fault == "endless":
            return self.endless()
        if not os.path.isfile(path):
            return self.send_error(404)
        with open(path, "rb") as file:
            content = file.read()
        if server.fault == "corrupted":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if server.fault == "chopped":
            content = content[: len(content) // 2]
        start = 0
        if self.headers.get("Range") and server.fault != "whole":
            start = int(self.headers["Range"].split("=")[1].rstrip("-"))
            if start >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        return self.body(content[start:])

    def body(self, content):
        fault = self.server.fault
        if fault in ("truncated", "refused", "stalled"):
            self.wfile.write(content[: len(content) // 2])
            if fault == "stalled":
                self.server.released.wait(10)
            self.close_connection = True
        elif fault == "slow":
            for start in range(0, len(content), 1 + len(content) // 10):
                self.wfile.write(content[start : start + 1 + len(content) // 10])
                time.sleep(0.02)
        else:
            self.wfile.write(content)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(bytes(1 << 16))

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(root):
    """Serve a folder; gives the server, with its `url`, its `fault` and the `requests` it got."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # clients go away in these tests
    server.root, server.fault, server.requests = str(root), None, []
    server.released = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
