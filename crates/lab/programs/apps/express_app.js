// An Express application: express_app.js PORT DIRECTORY; NODE_PATH says where express is.
const express = require('express');

const [port, directory] = process.argv.slice(2);
const app = express();
app.use(express.raw({ type: () => true, limit: '1mb' }));
app.post('/reject', (request, response) => response.sendStatus(204));
app.use(express.static(directory));
app.listen(Number(port), '127.0.0.1');
