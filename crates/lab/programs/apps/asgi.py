"""An ASGI application: the files of a directory, and uploads refused by their size."""
import os

WWW = os.environ["WWW"]
LARGEST_UPLOAD = 1 << 20
CHUNK = 1 << 16


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    headers = dict(scope["headers"])
    if int(headers.get(b"content-length", 0)) > LARGEST_UPLOAD:
        return await answer(send, 413, b"too large\n")
    path = os.path.join(WWW, os.path.basename(scope["path"]))
    if not os.path.isfile(path):
        return await answer(send, 404, b"not found\n")
    await start(send, 200, os.path.getsize(path))
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def lifespan(receive, send):
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send, status, body):
    await start(send, status, len(body))
    await send({"type": "http.response.body", "body": body})


async def start(send, status, length):
    headers = [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
