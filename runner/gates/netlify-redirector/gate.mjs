// The matching engine of the format's owner (netlify-redirector) behind the http server of Node.js: the engine decides, this file serves.
//
// node gate.mjs SITE PORT; JWT_SECRET and ROLE_PATH in the environment.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, posix } from 'node:path';
import { parseAllRedirects } from '@netlify/redirect-parser';
import { parse as parseCookies } from 'cookie';
import redirector from 'netlify-redirector';

const [site, port] = process.argv.slice(2);
const parsed = await parseAllRedirects({
  redirectsFiles: [join(site, '_redirects')],
  netlifyConfigPath: isFile(join(site, 'netlify.toml')) ? join(site, 'netlify.toml') : undefined,
  configRedirects: [],
  minimal: false,
});
for (const error of parsed.errors) console.error(error.message);
// The engine's own names for what the parser has read.
const rules = parsed.redirects.map(({ from, query, signed, ...rule }) => ({
  ...rule, origin: from, params: query, ...(signed && { sign: { jwt_secret: signed } }),
}));
const engine = await redirector.parseJSON(JSON.stringify(rules), {
  jwtSecret: process.env.JWT_SECRET,
  jwtRoleClaim: process.env.ROLE_PATH,
});

function isFile(name) {
  return statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

// The file that a path means, by its short spellings too.
function fileOf(path) {
  const plain = posix.normalize(decodeURIComponent(path));
  if (/\0|(^|\/)\.|^\/(_redirects|_headers|netlify\.toml)$/.test(plain)) return undefined;
  const names = [plain, `${plain.replace(/\/$/, '')}.html`, posix.join(plain, 'index.html')];
  return names.map((name) => join(site, name)).find(isFile);
}

function match(request, url) {
  const cookies = parseCookies(request.headers.cookie ?? '');
  const headers = {
    ...request.headers,
    'x-country': cookies.nf_country || 'us',
    'x-language': cookies.nf_lang || (request.headers['accept-language'] ?? 'en').split(',')[0].slice(0, 2),
  };
  return engine.match({
    scheme: 'http',
    host: url.hostname,
    path: decodeURIComponent(url.pathname),
    query: url.search.slice(1),
    headers,
    cookieValues: cookies,
    getHeader: (name) => headers[name.toLowerCase()] ?? '',
    getCookie: (name) => cookies[name] ?? '',
  });
}

function send(request, response, status, file) {
  const type = extname(file ?? '') === '.html' ? 'text/html; charset=utf-8' : 'application/octet-stream';
  response.writeHead(status, { 'cache-control': 'private, no-store', 'content-type': file ? type : 'text/plain' });
  if (request.method === 'HEAD' || !file) return response.end(request.method === 'HEAD' ? undefined : 'Not found');
  return createReadStream(file).pipe(response);
}

function answer(request, response) {
  if (!['GET', 'HEAD'].includes(request.method)) return response.writeHead(405, { allow: 'GET, HEAD' }).end();
  const url = new URL(request.url, `http://${request.headers.host}`);
  const missing = () => send(request, response, 404, fileOf('/404'));
  const found = match(request, url);
  if (found?.force404) return missing();
  const own = fileOf(url.pathname);
  // `exceptions.JWT` names the role for want of which the engine went on to this rule.
  if (!found || (own && !found.force && !found.exceptions?.JWT)) return own ? send(request, response, 200, own) : missing();
  if (found.status >= 300 && found.status < 400) return response.writeHead(found.status, { location: found.to }).end();
  const file = fileOf(new URL(found.to, url).pathname);
  return file ? send(request, response, found.status, file) : missing();
}

createServer((request, response) => {
  try {
    answer(request, response);
  } catch (error) {
    response.writeHead(error instanceof URIError || error.code === 'ERR_INVALID_URL' ? 400 : 500).end('Bad request');
  }
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
