use std::io::Write as _;
use std::time::{Duration, SystemTime};

use super::entry::{Content, OpenError};
use super::*;

fn site(files: &[(&str, &[u8])]) -> (tempfile::TempDir, DirSite) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let site = DirSite::open(folder.path()).unwrap();
    (folder, site)
}

#[test]
fn the_index_holds_what_may_be_served() {
    let (_folder, site) = site(&[
        ("index.html", b""),
        ("a/b.html", b""),
        ("_redirects", b""),
        ("_headers", b""),
        ("netlify.toml", b""),
        (".env", b""),
        ("a/.git/config", b""),
        ("Ä.html", b""),
    ]);
    assert_eq!(site.names().collect::<Vec<_>>(), ["/a/b.html", "/index.html", "/Ä.html"]);
}

#[test]
fn front_2_what_another_server_finds_is_what_was_seen() {
    // With an ending more it would be too long for a file system.
    let long = "n".repeat(250);
    let (folder, site) = site(&[("a.html", b"a"), ("b/index.html", b"b"), (&long, b"n"), ("m/x.html", b"x")]);
    let is_as_seen = |path: &str| site.is_as_seen(&RequestPath::parse(path.as_bytes()).unwrap());
    for path in ["/a", "/a.html", "/b", "/b/", "/b/index.html", "/nothing", &format!("/{long}"), "/"] {
        assert!(is_as_seen(path), "{path}");
    }
    // Another name or another mode is no other content.
    fs::hard_link(folder.path().join("a.html"), folder.path().join(".kept")).unwrap();
    assert!(is_as_seen("/a"));
    fs::remove_file(folder.path().join(".kept")).unwrap();
    // What was written anew is another content, whatever its length and its time.
    let (at, time) = (folder.path().join("a.html"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
    let written = |content: &str| {
        fs::write(&at, content).unwrap();
        fs::File::options().write(true).open(&at).unwrap().set_modified(time).unwrap();
    };
    written("a");
    let site = DirSite::open(folder.path()).unwrap();
    let is_as_seen = |path: &str| site.is_as_seen(&RequestPath::parse(path.as_bytes()).unwrap());
    written("a");
    assert!(is_as_seen("/a") && is_as_seen("/a"));
    written("b");
    assert!(!is_as_seen("/a"));
    fs::remove_file(&at).unwrap();
    written("b");
    assert!(!is_as_seen("/a"));
    fs::write(&at, "another").unwrap();
    assert!(!is_as_seen("/a"));
    fs::rename(folder.path().join("m/x.html"), folder.path().join("b/index.html")).unwrap();
    assert!(!is_as_seen("/b/index.html") && !is_as_seen("/b/"));
    fs::write(folder.path().join("n.html"), "new").unwrap();
    assert!(!is_as_seen("/n") && !is_as_seen("/n.html"));
}

#[cfg(unix)]
#[test]
fn links_stay_inside() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    let (folder, _) = site(&[("a/b.html", b"b"), (".env", b"x"), ("_redirects", b"x")]);
    for (target, link) in [
        (outside.path().join("secret"), "out"),
        (outside.path().to_owned(), "outdir"),
        (folder.path().join(".env"), "env"),
        (folder.path().join("_redirects"), "rules"),
        (folder.path().join("a"), "inside"),
        (folder.path().to_owned(), "a/loop"),
        (folder.path().join("nowhere"), "dangling"),
    ] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    let site = DirSite::open(folder.path()).unwrap();
    assert_eq!(site.names().collect::<Vec<_>>(), ["/a/b.html", "/inside/b.html"]);
}

#[cfg(unix)]
#[test]
fn static_2_further_names_of_what_is_never_served() {
    use std::os::unix::fs::symlink;
    let (folder, _) = site(&[(".env", b"x"), ("conf/rules.txt", b"# rules"), ("a.txt", b"a"), ("b/.gitkeep", b"")]);
    let at = |name: &str| folder.path().join(name);
    symlink("conf/rules.txt", at("_redirects")).unwrap();
    symlink("a.txt", at(".current")).unwrap();
    fs::hard_link(at(".env"), at("env.txt")).unwrap();
    fs::hard_link(at("b/.gitkeep"), at("empty.txt")).unwrap();
    let site = DirSite::open(folder.path()).unwrap();
    assert_eq!(site.names().collect::<Vec<_>>(), ["/a.txt", "/empty.txt"]);
}

#[cfg(unix)]
#[test]
fn static_4_a_file_knows_all_its_names() {
    use std::os::unix::fs::symlink;
    let (folder, _) = site(&[("m/x.html", b"x"), ("m/deep/y.html", b"y"), ("m/x.html.br", b"coded"), ("empty", b"")]);
    let at = |name: &str| folder.path().join(name);
    symlink("m", at("pub")).unwrap();
    symlink("pub", at("chain")).unwrap();
    symlink("m/x.html", at("one.html")).unwrap();
    symlink("m/x.html.br", at("coded.br")).unwrap();
    fs::hard_link(at("m/deep/y.html"), at("hard.html")).unwrap();
    fs::hard_link(at("empty"), at("empty too")).unwrap();
    let site = DirSite::open(folder.path()).unwrap();
    let same = |name| site.same_file(name).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(same("/pub/x.html"), ["/m/x.html", "/chain/x.html", "/one.html", "/pub/x.html"]);
    assert_eq!(same("/hard.html"), ["/hard.html", "/m/deep/y.html", "/chain/deep/y.html", "/pub/deep/y.html"]);
    assert_eq!(same("/empty"), [""; 0]);
    let others = site.other_names("/one.html");
    for name in ["/m/x.html", "/m/x", "/pub/x", "/chain/x.html"] {
        assert!(others.iter().any(|other| other == name), "{name} of {others:?}");
    }
    assert!(!others.iter().any(|other| other == "/one.html"));
    // What holds it in a coding, wherever that lies.
    let others = site.other_names("/coded.br");
    assert!(["/m/x.html", "/m/x", "/one"].iter().all(|name| others.iter().any(|other| other == name)), "{others:?}");
}

#[cfg(unix)]
#[test]
fn static_4_no_name_is_left_out() {
    use std::os::unix::fs::symlink;
    let refused = |folder: &tempfile::TempDir| DirSite::open(folder.path()).unwrap_err().to_string();
    for is_hard in [true, false] {
        let (folder, _) = site(&[("m/x.html", b"x"), ("a/own.html", b"a")]);
        for number in 1..walk::MOST_NAMES {
            let name = folder.path().join(format!("a/{number:02}.html"));
            if is_hard { fs::hard_link(folder.path().join("m/x.html"), name) } else { symlink("../m/x.html", name) }
                .unwrap();
        }
        assert_eq!(DirSite::open(folder.path()).unwrap().names().count(), walk::MOST_NAMES + 1);
        symlink("m/x.html", folder.path().join("one more")).unwrap();
        assert!(refused(&folder).contains("names by links"));
    }
    let (folder, _) = site(&[("m/x.html", b"x")]);
    for number in 0..walk::MOST_NAMES {
        symlink("m", folder.path().join(format!("{number:02}"))).unwrap();
    }
    assert!(refused(&folder).contains("names by links"));
    // What lies deep has short names too.
    let deep = "d/".repeat(65);
    let (folder, _) = site(&[("m/x.html", b"x")]);
    fs::create_dir_all(folder.path().join(&deep)).unwrap();
    fs::hard_link(folder.path().join("m/x.html"), folder.path().join(deep + "x.html")).unwrap();
    assert!(refused(&folder).contains("more than 64 folders"));
}

#[cfg(unix)]
#[test]
fn static_4_links_that_lead_to_links_take_no_time() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    for depth in 0..18 {
        let here = folder.path().join(format!("{depth:02}"));
        fs::create_dir(&here).unwrap();
        fs::write(here.join("x"), "x").unwrap();
        for link in ["a", "b"] {
            symlink(format!("../{:02}", depth + 1), here.join(link)).unwrap();
        }
    }
    assert!(DirSite::open(folder.path()).unwrap_err().to_string().contains("names by links"));
}

#[cfg(unix)]
#[test]
fn rules_15_what_is_no_regular_file_is_not_waited_for() {
    use std::os::unix::fs::symlink;
    let (folder, _) = site(&[("a.html", b"a")]);
    symlink("/dev/zero", folder.path().join("zero")).unwrap();
    symlink("nowhere", folder.path().join("_headers")).unwrap();
    let read = crate::source::Source::read(folder.path(), None);
    assert!(read.unwrap_err().to_string().contains("leads nowhere"));
    fs::remove_file(folder.path().join("_headers")).unwrap();
    match std::process::Command::new("mkfifo").arg(folder.path().join("fifo")).status() {
        Ok(status) if status.success() => {}
        _ => drop(writeln!(std::io::stderr(), "SKIPPED in part: there is no mkfifo")),
    }
    assert_eq!(DirSite::open(folder.path()).unwrap().names().collect::<Vec<_>>(), ["/a.html"]);
}

/// Long enough to be read from the disk whenever it is sent.
const LONG: usize = 2_000_000;

/// Sets the times of a file back, so that it counts as settled.
fn settle(path: &Path) {
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    fs::File::options().write(true).open(path).unwrap().set_modified(past).unwrap();
}

async fn content(site: &DirSite, name: &str) -> Result<(Content, String), OpenError> {
    let (content, tag) = site.find(name).unwrap().plain.stored().content().await?;
    Ok((content, tag.to_str().unwrap().to_owned()))
}

async fn text(site: &DirSite, name: &str) -> String {
    match content(site, name).await.unwrap().0 {
        Content::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Content::OnDisk(mut file, _) => std::io::read_to_string(&mut file).unwrap(),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_made_later_opens_nothing() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("b.html"), vec![b's'; LONG]).unwrap();
    let (folder, site) = site(&[("a/b.html", &vec![b'b'; LONG])]);
    assert!(content(&site, "/a/b.html").await.is_ok());
    fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("a")).unwrap();
    assert!(content(&site, "/a/b.html").await.is_err());
    assert_eq!(site.reopen().unwrap().names().collect::<Vec<_>>(), ["/c/b.html"]);
}

#[tokio::test]
async fn a_site_stays_as_it_was_until_it_is_opened_again() {
    let (folder, site) = site(&[("a.txt", b"one"), ("b.txt", b"b"), ("gone.txt", b"gone")]);
    let (_, before) = content(&site, "/a.txt").await.unwrap();
    fs::write(folder.path().join("a.txt"), "two").unwrap();
    fs::write(folder.path().join("new.txt"), "new").unwrap();
    fs::remove_file(folder.path().join("gone.txt")).unwrap();
    assert_eq!(text(&site, "/a.txt").await, "one");
    assert_eq!(content(&site, "/a.txt").await.unwrap().1, before);
    assert_eq!(text(&site, "/gone.txt").await, "gone");
    let again = site.reopen().unwrap();
    assert_eq!(again.names().collect::<Vec<_>>(), ["/a.txt", "/b.txt", "/new.txt"]);
    assert_eq!(text(&again, "/a.txt").await, "two");
    assert_ne!(content(&again, "/a.txt").await.unwrap().1, before);
    let entry = &again.find("/a.txt").unwrap().plain;
    assert_eq!((entry.length(), entry.media_type.to_str().unwrap()), (3, "text/plain; charset=utf-8"));
}

#[test]
fn only_what_may_have_changed_is_read_again() {
    let (folder, site) = site(&[("old.txt", b"old"), ("young.txt", b"young")]);
    let same = |a: &DirSite, b: &DirSite, name| Arc::ptr_eq(&a.files[name], &b.files[name]);
    let again = site.reopen().unwrap();
    assert!(!same(&site, &again, "/old.txt"), "what was just written may change within the tick of a clock");
    // On Unix the time of the last change of any kind cannot be set back, so the moment of reading is set forward.
    settle(&folder.path().join("old.txt"));
    let mut settled = site.reopen().unwrap();
    let file = Arc::get_mut(settled.files.get_mut("/old.txt").unwrap()).unwrap();
    Arc::get_mut(&mut file.plain).unwrap().seem_read_later();
    let again = settled.reopen().unwrap();
    assert!(same(&settled, &again, "/old.txt"));
    assert!(!same(&settled, &again, "/young.txt"));
    fs::write(folder.path().join("old.txt"), "new").unwrap();
    settle(&folder.path().join("old.txt"));
    assert!(!same(&settled, &settled.reopen().unwrap(), "/old.txt"), "same length, same date, another file");
}

#[cfg(unix)]
#[tokio::test]
async fn a_long_file_whose_links_or_mode_change_is_the_same() {
    use std::os::unix::fs::PermissionsExt as _;
    for was_asked_for in [true, false] {
        let (folder, site) = site(&[("b", &vec![b'x'; LONG])]);
        let path = folder.path().join("b");
        if was_asked_for {
            assert!(content(&site, "/b").await.is_ok());
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let (_, tag) = content(&site, "/b").await.unwrap();
        fs::hard_link(&path, folder.path().join(".kept")).unwrap();
        assert_eq!(content(&site, "/b").await.unwrap().1, tag);
        // Other content of the same length with the times set back.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, vec![b'y'; LONG]).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(matches!(content(&site, "/b").await, Err(OpenError::Changed)));
    }
}

#[tokio::test]
async fn a_long_file_is_read_from_the_disk_and_never_in_another_state() {
    let (folder, site) = site(&[("b", &vec![b'x'; LONG])]);
    let (first, tag) = content(&site, "/b").await.unwrap();
    assert!(matches!(first, Content::OnDisk(..)));
    assert_eq!(content(&site, "/b").await.unwrap().1, tag);
    let entry = &site.find("/b").unwrap().plain;
    assert_eq!((entry.length(), entry.media_type.to_str().unwrap()), (2_000_000, "application/octet-stream"));
    fs::write(folder.path().join("b"), vec![b'y'; LONG]).unwrap();
    assert!(matches!(content(&site, "/b").await, Err(OpenError::Changed)));
    let again = site.reopen().unwrap();
    assert_ne!(content(&again, "/b").await.unwrap().1, tag);
    fs::remove_file(folder.path().join("b")).unwrap();
    let gone = content(&again, "/b").await;
    assert!(matches!(gone, Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound));
}

#[tokio::test]
async fn pace_2_who_asks_at_once_has_a_long_file_read_once() {
    let (_folder, site) = site(&[("b", &vec![b'x'; LONG])]);
    let entry = &site.find("/b").unwrap().plain;
    let ask = |entry: Arc<Entry>| tokio::spawn(async move { entry.stored().content().await.map(|_| ()) });
    let asked: Vec<_> = (0..20).map(|_| ask(Arc::clone(entry))).collect();
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(entry.digested(), 1);
}

#[test]
fn the_shortest_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (name, length) in [("a", 500), ("b", 100), ("c", 400), ("d", 401), ("e", 0)] {
        fs::write(folder.path().join(name), vec![b'x'; length]).unwrap();
    }
    let kept = |memory, longest| {
        let options = SiteOptions { memory, longest, compress: false, ..SiteOptions::default() };
        let site = DirSite::open_with(folder.path(), options).unwrap();
        site.files
            .iter()
            .filter(|(_, file)| file.plain.kept().is_some())
            .map(|(name, _)| name.as_ref())
            .collect::<String>()
    };
    assert_eq!(kept(500, 1000), "/b/c/e");
    assert_eq!(kept(10_000, 400), "/b/c/e");
    assert_eq!(kept(901, 1000), "/b/c/d/e");
    assert_eq!(kept(0, 1000), "/e");
}

const TEXT: &str = "<p>The quick brown fox jumps over the lazy dog.</p>\n";

fn codings(site: &DirSite, name: &str) -> Vec<(&'static str, bool)> {
    let file = site.find(name).unwrap();
    file.codings().map(|(coding, is_beside)| (coding.name(), is_beside)).collect()
}

#[test]
fn text_is_compressed_once_and_what_lies_beside_it_is_used() {
    let text = TEXT.repeat(100);
    let gzip = coding::Coding::Gzip.encode(text.as_bytes()).unwrap();
    let stale = coding::Coding::Gzip.encode(TEXT.repeat(99).as_bytes()).unwrap();
    let (folder, site) = site(&[
        ("a.html", text.as_bytes()),
        ("b.html", text.as_bytes()),
        ("b.html.gz", &gzip),
        ("c.html", text.as_bytes()),
        ("c.html.gz", &stale),
        ("d.png", text.as_bytes()),
        ("e.png", text.as_bytes()),
        ("e.png.gz", &gzip),
        ("f.html", TEXT.as_bytes()),
    ]);
    assert_eq!(codings(&site, "/a.html"), [("br", false), ("gzip", false)]);
    assert_eq!(codings(&site, "/b.html"), [("br", false), ("gzip", true)]);
    assert_eq!(codings(&site, "/c.html"), [("br", false), ("gzip", false)], "what lies beside it is something else");
    assert_eq!(codings(&site, "/d.png"), [], "pictures are compressed already");
    assert_eq!(codings(&site, "/e.png"), [("gzip", true)], "its author thought otherwise");
    assert_eq!(codings(&site, "/f.html"), [], "so little is not worth it");
    assert_eq!(codings(&site, "/b.html.gz"), []);

    let plain = DirSite::open_with(folder.path(), SiteOptions { compress: false, ..SiteOptions::default() }).unwrap();
    assert_eq!(codings(&plain, "/b.html"), []);
    let total = folder.path().read_dir().unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>();
    let narrow = SiteOptions { memory: total, ..SiteOptions::default() };
    let narrow = DirSite::open_with(folder.path(), narrow).unwrap();
    assert_eq!(codings(&narrow, "/a.html"), [], "nothing is left to keep what would be made");
    assert_eq!(codings(&narrow, "/b.html"), [("gzip", true)]);
}
