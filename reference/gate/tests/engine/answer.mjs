// Answers what the format owner's published packages say. One JSON object a line: in, a rule file and requests; out, an answer
// for each request: null, "404!", or status and target. Or in, a netlify.toml; out, its rules and header fields.
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { parseAllHeaders } from '@netlify/headers-parser';
import { parseAllRedirects } from '@netlify/redirect-parser';
import redirector from 'netlify-redirector';

const SECRET = 'secret';
const folder = mkdtempSync(join(tmpdir(), 'engine-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

const base64 = (text) => Buffer.from(text).toString('base64url');

function token(roles) {
  const payload = base64(JSON.stringify({ exp: 4102444800, app_metadata: { authorization: { roles } } }));
  const signed = `${base64('{"alg":"HS256","typ":"JWT"}')}.${payload}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

async function matcher(rules) {
  const file = join(folder, '_redirects');
  writeFileSync(file, rules);
  const { redirects, errors } = await parseAllRedirects({ redirectsFiles: [file], configRedirects: [], minimal: false });
  if (errors.length > 0) throw new Error(errors.map((error) => error.message).join('; '));
  const list = redirects.map(({ from, query, signed, ...rest }) => ({ ...rest, origin: from, params: query }));
  return redirector.parseJSON(JSON.stringify(list), {
    jwtSecret: SECRET,
    jwtRoleClaim: 'app_metadata.authorization.roles',
  });
}

function answer(matcher, { path, query, roles, language, country, cookies }) {
  const values = Object.fromEntries(cookies.map((name) => [name, '1']));
  if (roles !== null) values.nf_jwt = token(roles);
  const headers = {
    'x-language': language,
    'x-country': country,
    host: 'site.example',
    cookie: Object.entries(values).map(([name, value]) => `${name}=${value}`).join('; '),
  };
  const match = matcher.match({
    scheme: 'https',
    host: 'site.example',
    path,
    query,
    headers,
    cookieValues: values,
    getHeader: (name) => headers[name.toLowerCase()] ?? '',
    getCookie: (name) => values[name] ?? '',
  });
  if (!match) return null;
  return match.force404 ? '404!' : `${match.status} ${match.to}`;
}

async function read(toml) {
  const file = join(folder, 'netlify.toml');
  writeFileSync(file, toml);
  const { redirects, errors } = await parseAllRedirects({
    redirectsFiles: [], netlifyConfigPath: file, configRedirects: [], minimal: true,
  });
  const { headers, errors: more } = await parseAllHeaders({
    headersFiles: [], netlifyConfigPath: file, configHeaders: [], minimal: true,
  });
  return { redirects, headers, errors: [...errors, ...more].map((error) => error.message) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { rules, asks, toml } = JSON.parse(line);
  try {
    if (toml !== undefined) {
      console.log(JSON.stringify(await read(toml)));
      continue;
    }
    const asked = await matcher(rules);
    console.log(JSON.stringify({ answers: asks.map((ask) => answer(asked, ask)) }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
