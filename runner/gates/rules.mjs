// What the gates of Node.js in this folder share: the lines of `_redirects`, the files of a site, and what a visitor gets.
// It reads paths, targets, statuses and `Role=`; a line with anything else is left out aloud.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

// The rules of a site, in written order.
export function readRules(site) {
  const lines = readFileSync(join(site, '_redirects'), 'utf8').replace(/^\ufeff/, '').split('\n');
  return lines.flatMap((line) => {
    try {
      return readRule(line);
    } catch (error) {
      console.error(`left out: ${line.trim()} (${error.message})`);
      return [];
    }
  });
}

function readRule(line) {
  const words = line.trim().split(/\s+/);
  const comment = words.findIndex((word) => word.startsWith('#'));
  const [from, ...rest] = comment < 0 ? words : words.slice(0, comment);
  if (!from) return [];
  if (!from.startsWith('/')) throw new Error('the path begins with no slash');
  const to = /^(\/|https?:\/\/)/.test(rest[0] ?? '') ? rest.shift() : undefined;
  const status = /^(\d{3})(!?)$/.exec(rest[0] ?? '');
  const conditions = status ? rest.slice(1) : rest;
  const roles = conditions.map((condition) => /^[Rr]ole=(.+)$/.exec(condition)?.[1]);
  if (roles.length > 1 || roles.includes(undefined)) throw new Error('conditions other than one `Role=`');
  if (!to && !(from.endsWith('/*') && status)) throw new Error('no target');
  return [{
    pattern: pattern(decodeURI(from)),
    to: to ?? from.replace(/\*$/, ':splat'),
    status: Number(status?.[1] ?? 301),
    force: status?.[2] === '!',
    roles: roles[0]?.split(','),
  }];
}

function pattern(from) {
  const source = from
    .replace(/\/$/, '')
    .replace(/[.+*?^${}()|[\]\\]/g, '\\$&')
    .replace(/\/\\\*$/, '(?:/(?<splat>.*))?')
    .replace(/\/:([A-Za-z]\w*)/g, '/(?<$1>[^/]+)');
  return new RegExp(`^${source}/?$`, 's');
}

// What stands at a role path: names parted by dots, or a JSON Pointer.
export function valueAt(claims, path) {
  const isPointer = path.startsWith('/');
  const names = isPointer ? path.slice(1).split('/').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~')) : path.split('.');
  return names.reduce((value, name) => value?.[name], claims);
}

// The file below the site that a decoded path means, if there is one.
export function fileOf(site, path) {
  const plain = posix.normalize(path);
  if (/\0|(^|\/)\.|^\/_(redirects|headers)$|^\/netlify\.toml$/.test(plain)) return undefined;
  const names = [plain, `${plain.replace(/\/$/, '')}.html`, posix.join(plain, 'index.html')];
  return names.find((name) => statSync(join(site, name), { throwIfNoEntry: false })?.isFile());
}

// What a visitor gets for a target: `{ status, location }` or `{ status, file }`; `gated` where that depends on roles.
// `admits` says whether the visitor holds one of some roles. Throws where the path has a bad escape.
export async function decide(site, rules, target, admits) {
  const [, encoded, query] = /^([^?]*)(.*)$/s.exec(target);
  const path = decodeURIComponent(encoded);
  let [own, gated, denied] = [fileOf(site, path), false, false];
  for (const rule of rules) {
    const match = rule.pattern.exec(path);
    if (!match) continue;
    if (rule.roles) {
      gated = true;
      if (!(await admits(rule.roles))) {
        denied = true;
        continue;
      }
      denied = false;
    }
    if (own && !rule.force && !denied) break;
    const to = Object.entries(match.groups ?? {}).reduce((text, [name, value]) => text.replaceAll(`:${name}`, () => value ?? ''), rule.to);
    if (rule.status >= 300 && rule.status < 400) {
      if (to === path) continue;                 // a redirect to the request itself
      return { status: rule.status, location: withQuery(encodeURI(to), query), gated };
    }
    const file = fileOf(site, to);
    return file && !(denied && file === own) ? { status: rule.status, file, gated } : missing(site, gated);
  }
  return own && !denied ? { status: 200, file: own, gated } : missing(site, gated);
}

// A redirect keeps the query of the request unless it has one of its own.
function withQuery(location, query) {
  return location.includes('?') ? location : location.replace(/(?=#)|$/, query);
}

function missing(site, gated) {
  return { status: 404, file: existsSync(join(site, '404.html')) ? '/404.html' : undefined, gated };
}
