// What nginx asks of every request (js_content): who the visitor is, which line of `_redirects` answers, and which file nginx sends.
import fs from 'fs';

const SITE = process.env.SITE;
const PATH = process.env.ROLE_PATH;
// Names parted by dots, or a JSON Pointer.
const CLAIM = PATH[0] !== '/' ? PATH.split('.') : PATH.slice(1).split('/').map((name) => name.replace(/~1/g, '/').replace(/~0/g, '~'));

// The lines `from to status Role=`; what cannot be read is left out.
function readRule(line) {
    const words = line.split(/\s+#/)[0].trim().split(/\s+/);
    if (words.length < 2 || words[0][0] !== '/') { return null; }
    const rest = words.slice(1);
    const to = /^(\/|https?:)/.test(rest[0]) ? rest.shift() : words[0].replace('*', ':splat');
    const status = /^(\d\d\d)(!?)$/.exec(rest[0] || '');
    const conditions = status ? rest.slice(1) : rest;
    if (conditions.length > 1 || (conditions.length && !/^[Rr]ole=./.test(conditions[0]))) { return null; }
    const names = [];
    const source = decodeURI(words[0]).replace(/\/$/, '').replace(/[.+*?^${}()|[\]\\]/g, '\\$&').replace(/\/\\\*$/, '/:splat*')
        .replace(/\/:(\w+)(\*?)/g, (all, name, star) => { names.push(name); return star ? '(?:/(.*))?' : '/([^/]+)'; });
    return {
        pattern: new RegExp('^' + source + '/?$'), names: names, to: to,
        status: status ? Number(status[1]) : 301, force: status ? status[2] === '!' : false,
        roles: conditions.length ? conditions[0].slice(5).split(',') : null,
    };
}
function readOrLeaveOut(line) {
    try { return readRule(line); } catch (error) { return null; }
}
const RULES = fs.readFileSync(SITE + '/_redirects', 'utf8').split('\n').map(readOrLeaveOut).filter((rule) => rule);

// The roles in a valid token; null for a visitor without one.
async function rolesOf(r) {
    try {
        const parts = r.variables.cookie_nf_jwt.split('.');
        if (parts.length !== 3 || JSON.parse(Buffer.from(parts[0], 'base64url')).alg !== 'HS256') { return null; }
        const hmac = { name: 'HMAC', hash: 'SHA-256' };
        const key = await crypto.subtle.importKey('raw', Buffer.from(process.env.JWT_SECRET), hmac, false, ['verify']);
        const signature = Buffer.from(parts[2], 'base64url');
        if (!await crypto.subtle.verify(hmac, key, signature, Buffer.from(parts[0] + '.' + parts[1]))) { return null; }
        const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
        const now = Date.now() / 1000;
        if (typeof claims.exp !== 'number' || claims.exp <= now || claims.nbf > now) { return null; }
        const roles = CLAIM.reduce((value, name) => value && value[name], claims);
        return Array.isArray(roles) ? roles : [];
    } catch (error) {
        return null;
    }
}

function isFile(name) {
    try { return fs.statSync(SITE + name).isFile(); } catch (error) { return false; }
}

// The file that a decoded path means, by its short spellings too.
function fileOf(path) {
    if (/(^|\/)\.|^\/(_redirects|_headers|netlify\.toml)$/.test(path)) { return undefined; }
    const bare = path.replace(/\/$/, '');
    return [path, bare + '.html', bare + '/index.html'].find(isFile);
}

// Answers with a file: nginx sends those with the status 200, and only those know conditions and ranges.
function show(r, status, file) {
    if (!file && isFile('/404.html')) { file = '/404.html'; }
    if (file && status === 200) { return r.internalRedirect('/.site' + file.split('/').map(encodeURIComponent).join('/')); }
    r.headersOut['Content-Type'] = file ? 'text/html' : 'text/plain';
    return r.return(status, file ? fs.readFileSync(SITE + file) : 'Not found');
}

async function answer(r) {
    if (r.method !== 'GET' && r.method !== 'HEAD') { return r.return(405); }
    const path = r.uri;                          // nginx has decoded it and resolved its dots
    const own = fileOf(path);
    const roles = await rolesOf(r);
    let denied = false;
    for (let i = 0; i < RULES.length; i++) {
        const rule = RULES[i];
        const match = rule.pattern.exec(path);
        if (!match) { continue; }
        if (rule.roles) {
            denied = !roles || !(rule.roles[0] === '*' || rule.roles.some((role) => roles.includes(role)));
            if (denied) { continue; }
        }
        if (own && !rule.force && !denied) { break; }
        const to = rule.names.reduce((text, name, at) => text.replace(':' + name, match[at + 1] || ''), rule.to);
        if (rule.status >= 300 && rule.status < 400) {
            if (to === path) { continue; }       // a redirect to the request itself
            return r.return(rule.status, encodeURI(to) + (r.variables.args && !to.includes('?') ? '?' + r.variables.args : ''));
        }
        const file = fileOf(to);
        return file && !(denied && file === own) ? show(r, rule.status, file) : show(r, 404);
    }
    return own && !denied ? show(r, 200, own) : show(r, 404);
}

export default { answer };
