// Node's own http: node_http.js PORT DIRECTORY [WORKERS].
const cluster = require('node:cluster');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { pipeline } = require('node:stream');

const LARGEST_UPLOAD = 1 << 20;
const [port, directory, workers] = process.argv.slice(2);

function serve(request, response) {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_UPLOAD) {
    response.writeHead(413, { Connection: 'close', 'Content-Length': 10 }).end('too large\n');
    return;
  }
  const file = path.join(directory, path.basename(request.url));
  fs.stat(file, (error, stats) => {
    // The connection has ended meanwhile: since Node 24 pipeline would throw.
    if (response.destroyed) return;
    if (error) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Length': stats.size });
    // Unlike pipe, it closes the file where the client leaves before its end.
    pipeline(fs.createReadStream(file), response, () => {});
  });
}

if (workers && cluster.isPrimary) {
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  http.createServer(serve).listen(Number(port), '127.0.0.1');
}
