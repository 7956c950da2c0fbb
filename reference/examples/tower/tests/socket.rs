//! The middleware over a real socket.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that fails may panic")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use rolegate::{Gate, Keys, MemorySite, RuleSet, Scheme, Secret, TokenSettings, mint};
use rolegate_example_tower::{Gated, gate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower_http::services::ServeDir;

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const FILES: [(&str, &str); 4] = [
    ("/index.html", "home"),
    ("/login.html", "please log in"),
    ("/members/a page.html", "for members"),
    ("/404.html", "nothing here"),
];

async fn ask(address: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn members_see_their_pages_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in FILES {
        let path = folder.path().join(name.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let rules = b"/members/* /members/:splat 200! Role=admin\n/members/* /login 401\n/old /new 301\n";
    let keys = Keys::hs256(SECRET).unwrap();
    let site = MemorySite::new(FILES.map(|(name, _)| name));
    let gated = Gate::new(RuleSet::parse(rules).rules, &keys, TokenSettings::default(), site).unwrap();
    let gated = Arc::new(Gated { gate: gated, keys, scheme: Scheme::Http });
    let app = Router::new().fallback_service(ServeDir::new(folder.path())).layer(from_fn_with_state(gated, gate));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let claims =
        serde_json::json!({ "exp": 4_000_000_000_u64, "app_metadata": { "authorization": { "roles": ["admin"] } } });
    let token = mint(&Secret::new(SECRET).unwrap(), claims.as_object().unwrap());
    let send = |method: &str, target: &str, more: &str| {
        ask(address, format!("{method} {target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{more}\r\n"))
    };
    let cookie = format!("Cookie: nf_jwt={token}\r\n");

    let home = send("GET", "/", "").await;
    assert!(
        home.starts_with("http/1.1 200") && home.ends_with("home") && home.contains("cache-control: public"),
        "{home}"
    );
    let admitted = send("GET", "/members/a%20page", &cookie).await;
    assert!(admitted.starts_with("http/1.1 200") && admitted.ends_with("for members"), "{admitted}");
    assert!(admitted.contains("cache-control: private") && admitted.contains("vary: cookie"), "{admitted}");
    for target in
        ["/members/a%20page", "/members/a%20page.html", "/x/../members/a%20page", "//members//a%20page", "/members/no"]
    {
        let denied = send("GET", target, "Range: bytes=0-1\r\nIf-None-Match: *\r\n").await;
        assert!(denied.starts_with("http/1.1 401") && denied.ends_with("please log in"), "{target}: {denied}");
        assert!(denied.contains("cache-control: private, no-store") && !denied.contains("etag"), "{target}: {denied}");
    }
    let refused = send("GET", "/members%2fa%20page", "").await;
    assert!(refused.starts_with("http/1.1 400") && !refused.contains("for members"), "{refused}");
    let missing = send("GET", "/nothing", "").await;
    assert!(missing.starts_with("http/1.1 404") && missing.ends_with("nothing here"), "{missing}");
    let moved = send("GET", "/old", "").await;
    assert!(moved.starts_with("http/1.1 301") && moved.contains("location: /new"), "{moved}");
    let wrong = send("POST", "/", "Content-Length: 0\r\n").await;
    assert!(wrong.starts_with("http/1.1 405") && wrong.contains("allow: get, head"), "{wrong}");
}
