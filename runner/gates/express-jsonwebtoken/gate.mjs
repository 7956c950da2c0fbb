// A site with a role gate, as an Express application has it: cookie-parser, jsonwebtoken, `res.sendFile`.
//
// node gate.mjs SITE PORT; in the environment ROLE_PATH, and JWT_SECRET, or JWT_PUBLIC_KEY (a PEM file) with JWT_ALGORITHMS.
import { readFileSync } from 'node:fs';
import cookieParser from 'cookie-parser';
import express from 'express';
import jwt from 'jsonwebtoken';
import { decide, readRules, valueAt } from '../rules.mjs';

const [site, port] = process.argv.slice(2);
const { JWT_SECRET, JWT_PUBLIC_KEY, JWT_ALGORITHMS = 'HS256', JWT_AUDIENCE, JWT_ISSUER, ROLE_PATH } = process.env;
const key = JWT_PUBLIC_KEY ? readFileSync(JWT_PUBLIC_KEY) : JWT_SECRET;
const expected = { algorithms: JWT_ALGORITHMS.split(','), audience: JWT_AUDIENCE, issuer: JWT_ISSUER };
const rules = readRules(site);

// The roles of a visitor; `undefined` without a valid token.
function rolesOf(token) {
  try {
    const claims = jwt.verify(token, key, expected);
    const roles = valueAt(claims, ROLE_PATH);
    return Array.isArray(roles) ? roles : [];
  } catch {
    return undefined;
  }
}

const app = express();
app.disable('x-powered-by');
app.use(cookieParser());
app.use(async (req, res) => {
  if (req.method !== 'GET' && req.method !== 'HEAD') return res.set('Allow', 'GET, HEAD').status(405).end();
  const roles = rolesOf(req.cookies.nf_jwt);
  const admits = (wanted) => roles && (wanted[0] === '*' || wanted.some((role) => roles.includes(role)));
  const answer = await decide(site, rules, req.url, admits);
  if (answer.gated) res.set('Cache-Control', 'private, no-store');
  if (answer.location) return res.redirect(answer.status, answer.location);
  res.status(answer.status);
  if (!answer.file) return res.type('text').send('Not found');
  return res.sendFile(answer.file, { root: site, cacheControl: !answer.gated, etag: !answer.gated, lastModified: !answer.gated });
});
app.use((error, req, res, next) => res.status(error.status ?? 400).type('text').send('Bad request'));
app.listen(Number(port), '127.0.0.1', () => console.log('listening'));
