// `/members/* 200! Role=admin`, `/members/* /login 302`: the least that a gate in njs has to do.
import crypto from 'crypto';

function roles(r) {
    const cookie = (r.headersIn.Cookie || '').split(';').map(pair => pair.trim()).find(pair => pair.startsWith('nf_jwt='));
    if (!cookie) return [];
    const parts = cookie.slice(7).split('.');
    if (parts.length !== 3) return [];
    const mac = crypto.createHmac('sha256', process.env.JWT_SECRET).update(parts[0] + '.' + parts[1]).digest('base64url');
    if (mac !== parts[2]) return [];
    const header = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
    if (header.alg !== 'HS256' || !(Date.now() / 1000 < claims.exp)) return [];
    return claims.app_metadata.authorization.roles;
}

function members(r) {
    if (roles(r).includes('admin')) r.internalRedirect('/admitted/' + r.uri.slice('/members/'.length));
    else r.return(302, '/login');
}

export default { members };
