// Node's own http server answers before it has read the request, and ends the
// connection: `early_http.js (end|destroy|close)`. Node closes by
// syscall(SYS_close).
'use strict';

const http = require('node:http');

function body(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = at % 251;
  return bytes;
}

// `end`: as Express and most others do. `destroy`: as those that want to be sure.
function answer(request, response, ending) {
  const size = Number(request.url.slice(1));
  response.writeHead(413, { 'Content-Length': size, Connection: ending === 'close' ? 'keep-alive' : 'close' });
  response.end(body(size), () => {
    if (ending === 'destroy') request.destroy();
    if (ending === 'close') request.socket.destroySoon();
  });
}

const server = http.createServer((request, response) => answer(request, response, process.argv[2]));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
