"""An aiohttp application: aiohttp_app.py PORT DIRECTORY."""
import sys

from aiohttp import web

LARGEST_UPLOAD = 1 << 20


async def upload(request):
    if request.content_length > LARGEST_UPLOAD:
        raise web.HTTPRequestEntityTooLarge(LARGEST_UPLOAD, request.content_length)
    return web.Response(status=204)


port, directory = int(sys.argv[1]), sys.argv[2]
app = web.Application()
app.add_routes([web.post("/reject", upload), web.static("/", directory)])
web.run_app(app, host="127.0.0.1", port=port)
