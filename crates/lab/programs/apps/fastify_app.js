// A Fastify application, with its own bound of a request's size: fastify_app.js PORT DIRECTORY.
const fs = require('node:fs');
const path = require('node:path');
const fastify = require('fastify')({ bodyLimit: 1 << 20 });

const [port, directory] = process.argv.slice(2);
fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
fastify.post('/reject', (request, reply) => reply.code(204).send());
fastify.get('/:name', (request, reply) => {
  const file = path.join(directory, path.basename(request.params.name));
  return reply.header('Content-Length', fs.statSync(file).size).send(fs.createReadStream(file));
});
fastify.listen({ port: Number(port), host: '127.0.0.1' });
