// What Bun and Deno share, a function from a request to a response: fetch_app.js PORT DIRECTORY.
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

const LARGEST_UPLOAD = 1 << 20;
const [port, directory] = process.argv.slice(2);

async function serve(request) {
  if (Number(request.headers.get('content-length') ?? 0) > LARGEST_UPLOAD) {
    return new Response('too large\n', { status: 413, headers: { Connection: 'close' } });
  }
  const path = join(directory, basename(new URL(request.url).pathname));
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return new Response(null, { status: 404 });
  const file = globalThis.Bun ? Bun.file(path) : (await open(path)).readableWebStream({ autoClose: true });
  return new Response(file, { headers: { 'Content-Length': String(found.size) } });
}

const options = { port: Number(port), hostname: '127.0.0.1' };
if (globalThis.Bun) Bun.serve({ ...options, fetch: serve });
else Deno.serve(options, serve);
