// A site with a role gate, as a Fastify application has it: @fastify/cookie, jose, @fastify/static.
//
// node gate.mjs SITE PORT; in the environment ROLE_PATH, and JWT_SECRET, or JWT_PUBLIC_KEY (a PEM file) or JWT_KEY_SET (a JWKS
// file) with JWT_ALGORITHMS.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import cookies from '@fastify/cookie';
import files from '@fastify/static';
import fastify from 'fastify';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { decide, readRules, valueAt } from '../rules.mjs';

const [site, port] = process.argv.slice(2);
const { JWT_SECRET, JWT_PUBLIC_KEY, JWT_KEY_SET, JWT_ALGORITHMS, JWT_AUDIENCE, JWT_ISSUER, ROLE_PATH } = process.env;
const symmetric = !JWT_PUBLIC_KEY && !JWT_KEY_SET;
const key = JWT_KEY_SET
  ? createLocalJWKSet(JSON.parse(readFileSync(JWT_KEY_SET, 'utf8')))
  : JWT_PUBLIC_KEY ? createPublicKey(readFileSync(JWT_PUBLIC_KEY)) : new TextEncoder().encode(JWT_SECRET);
const expected = {
  algorithms: symmetric ? ['HS256'] : JWT_ALGORITHMS?.split(','),
  audience: JWT_AUDIENCE,
  issuer: JWT_ISSUER,
  requiredClaims: ['exp'],
};
const rules = readRules(site);

// The roles of a visitor; `undefined` without a valid token.
async function rolesOf(token) {
  try {
    const { payload } = await jwtVerify(token, key, expected);
    const roles = valueAt(payload, ROLE_PATH);
    return Array.isArray(roles) ? roles : [];
  } catch {
    return undefined;
  }
}

const app = fastify({ exposeHeadRoutes: true });
app.register(cookies);
app.register(files, { root: site, serve: false, cacheControl: false, etag: false, lastModified: false });
app.get('/*', async (request, reply) => {
  const admits = async (wanted) => {
    const roles = await rolesOf(request.cookies.nf_jwt);
    return roles && (wanted[0] === '*' || wanted.some((role) => roles.includes(role)));
  };
  const answer = await decide(site, rules, request.raw.url, admits);
  if (answer.gated) reply.header('cache-control', 'private, no-store');
  if (answer.location) return reply.redirect(answer.location, answer.status);
  reply.code(answer.status);
  return answer.file ? reply.sendFile(answer.file) : reply.type('text/plain').send('Not found');
});
app.setErrorHandler((error, request, reply) => reply.code(error.statusCode ?? 400).type('text/plain').send('Bad request'));
await app.listen({ port: Number(port), host: '127.0.0.1' });
console.log('listening');
