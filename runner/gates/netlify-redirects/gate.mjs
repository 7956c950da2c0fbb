// The handler of the format owner's development servers (@netlify/redirects) behind the http server of Node.js.
//
// node gate.mjs SITE PORT; JWT_SECRET and ROLE_PATH in the environment.
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { RedirectsHandler } from '@netlify/redirects';

const [site, port] = process.argv.slice(2);
const isFile = (name) => statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
const notFound = async () => new Response('Not found', { status: 404 });
const handler = new RedirectsHandler({
  configPath: isFile(join(site, 'netlify.toml')) ? join(site, 'netlify.toml') : undefined,
  configRedirects: [],
  jwtRoleClaim: process.env.ROLE_PATH,
  jwtSecret: process.env.JWT_SECRET,
  notFoundHandler: notFound,
  projectDir: site,
  publicDir: site,
});

// What the handler asks for a file with: a function that reads it, or nothing.
async function getStaticFile(request) {
  const plain = posix.normalize(decodeURIComponent(new URL(request.url).pathname));
  if (/\0|(^|\/)\.|^\/(_redirects|_headers|netlify\.toml)$/.test(plain)) return undefined;
  const names = [plain, `${plain.replace(/\/$/, '')}.html`, posix.join(plain, 'index.html')];
  const file = names.map((name) => join(site, name)).find(isFile);
  const type = extname(file ?? '') === '.html' ? 'text/html; charset=utf-8' : 'application/octet-stream';
  return file && (async () => new Response(readFileSync(file), { headers: { 'content-type': type } }));
}

async function answer(request) {
  const match = await handler.match(request);
  if (match) return (await handler.handle(request, match, getStaticFile)) ?? notFound();
  const file = await getStaticFile(request);
  return file ? file() : notFound();
}

function requestOf({ method, url, headers, rawHeaders }, body) {
  const fields = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) fields.append(rawHeaders[at], rawHeaders[at + 1]);
  const sends = !['GET', 'HEAD'].includes(method);
  return new Request(`http://${headers.host}${url}`, { method, headers: fields, body: sends ? body : undefined, duplex: 'half', redirect: 'manual' });
}

createServer(async (incoming, outgoing) => {
  let request, response;
  try {
    request = requestOf(incoming, Readable.toWeb(incoming));
  } catch {
    return outgoing.writeHead(400).end('Bad request');
  }
  try {
    response = await answer(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(incoming.method === 'HEAD' ? undefined : Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    console.error(error.message);
    if (outgoing.headersSent) return outgoing.destroy();
    outgoing.writeHead(error instanceof URIError ? 400 : 500).end('Error');
  }
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
