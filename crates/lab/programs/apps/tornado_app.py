"""A Tornado application: tornado_app.py PORT DIRECTORY."""
import asyncio
import sys

import tornado.web

LARGEST_UPLOAD = 1 << 20


@tornado.web.stream_request_body
class Upload(tornado.web.RequestHandler):
    def prepare(self):
        if int(self.request.headers.get("Content-Length", 0)) > LARGEST_UPLOAD:
            self.set_status(413)
            self.finish("too large\n")

    def data_received(self, chunk):
        pass

    def post(self):
        self.set_status(204)


async def main():
    port, directory = int(sys.argv[1]), sys.argv[2]
    files = (r"/(.*)", tornado.web.StaticFileHandler, {"path": directory})
    tornado.web.Application([(r"/reject", Upload), files]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
