//! `--identity`: the identity service in the gate's own origin, with the gate's own secret.

mod git;
mod mount;
mod running;
mod users;

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rolegate::TokenSettings;
use rolegate_identity::git::GitHandler;
use rolegate_identity::hooks::Loopback;
use rolegate_identity::mail::{Folder, Mail, Mailbox};
use rolegate_identity::operator::{self, Gate as _, Operator};
use rolegate_identity::settings::CookieMode;
use rolegate_identity::store::{Fault, FileStore};
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::{Moment, Parts, Service, Settings, Tokens};
use rolegate_server::{GateInForce, KeySource, Mount};

use super::Failure;
use super::tokens::identity_role_path;
use git::GitArgs;
use mount::{Explainer, Mounted};
pub(super) use running::Running;
pub(super) use users::Identity;

/// The folder of the service where none is named.
const FOLDER: &str = ".identity";

/// An identity service beside the gate.
#[derive(Args, Debug)]
#[command(next_help_heading = "Identity")]
pub(super) struct IdentityArgs {
    /// Serve an identity service under /.netlify/identity, for the clients of Netlify Identity, with its users, mails and
    /// `identity.toml` in DIR [default DIR: .identity]. The gate then takes its tokens. It serves this machine alone
    #[arg(
        long,
        value_name = "DIR",
        num_args = 0..=1,
        default_missing_value = FOLDER,
        conflicts_with_all = ["public_key", "jwks", "audiences", "issuer", "upstream"]
    )]
    identity: Option<PathBuf>,
    /// The name of the site, for `http://NAME.localhost:PORT` [default: that of its folder]
    #[arg(long, value_name = "NAME", requires = "identity", value_parser = name)]
    identity_name: Option<String>,
    /// How long a token is good, in seconds; below 60 the clients refresh with every call [default: 3600]
    #[arg(long, value_name = "SECONDS", requires = "identity", value_parser = seconds)]
    identity_token_life: Option<u64>,
    /// Take addresses for confirmed without a mail
    #[arg(long, requires = "identity")]
    identity_autoconfirm: bool,
    /// Do everything as GoTrue does it, nuisances included
    #[arg(long, requires = "identity")]
    identity_strict: bool,
    /// Who gets the cookie: `asked`, who asks for it; `always`, also who comes by localhost or an address
    #[arg(long, value_enum, value_name = "WHO", requires = "identity")]
    identity_cookie: Option<Cookie>,
    /// A provider that a page stands in for, such as `github`; several with commas between
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "identity")]
    identity_provider: Vec<String>,
    /// Serve others than this machine too, over TLS, under this name; can be given several times
    #[arg(long, value_name = "NAME", requires_all = ["identity", "tls_cert"], value_parser = public_name)]
    identity_public: Vec<String>,
    #[command(flatten)]
    git: GitArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cookie {
    Asked,
    Always,
}

/// A service that is ready, and how the gate and the server have to be for it.
pub(super) struct Opened {
    service: Arc<Service>,
    git: Option<Arc<GitHandler>>,
    folder: PathBuf,
    host: String,
    public: Vec<String>,
}

impl IdentityArgs {
    /// The keys and settings that the gate has with the service: its secret, and the role path of its tokens.
    pub(super) fn keys(
        &self,
        source: KeySource,
        settings: TokenSettings,
        has_own_path: bool,
    ) -> Result<(KeySource, TokenSettings), Failure> {
        let Some(folder) = &self.identity else { return Ok((source, settings)) };
        let source = match source {
            KeySource::None => KeySource::Secret { name: secret_name(folder), secret: own_secret(folder)? },
            // The service signs with what is read now, so the gate must not read another one later.
            source => source.held()?,
        };
        let role_path = if has_own_path { settings.role_path } else { identity_role_path()? };
        Ok((source, TokenSettings { role_path, ..settings }))
    }

    /// Opens the service. `published` is the folder that is served, which must not hold the users.
    pub(super) fn open(
        &self,
        source: &KeySource,
        host: IpAddr,
        site: &Path,
        published: &Path,
    ) -> Result<Option<Opened>, Failure> {
        let Some(folder) = &self.identity else { return Ok(None) };
        let KeySource::Secret { name, secret } = source else {
            return Err(Failure::refused("--identity signs tokens, so it needs a secret and no public key"));
        };
        if !host.is_loopback() && self.identity_public.is_empty() {
            return Err(Failure::refused(format!(
                "--identity serves this machine alone, and --host {host} is not on it\n\
                 help: leave out --host; to serve others, give --tls-cert, --tls-key and --identity-public NAME"
            )));
        }
        // Before anything is written there.
        if is_inside(folder, published) {
            return Err(Failure::refused(format!(
                "`{}` lies in the folder that is published, so anybody could fetch the users\n\
                 help: name a folder elsewhere: --identity ../identity",
                folder.display()
            )));
        }
        make_folder(folder)?;
        keep_out_of_git(folder)?;
        if *name == secret_name(folder) {
            keep_secret(folder, secret)?;
        }
        let tokens = SecretTokens::new(secret).map_err(|error| Failure::refused(error.to_string()))?;
        let settings = self.settings(folder)?;
        if !host.is_loopback() && !settings.providers.is_empty() {
            return Err(Failure::refused(
                "a page that stands in for a provider lets everybody in as anybody; it serves this machine alone\n\
                 help: leave out --identity-provider",
            ));
        }
        let tokens = Arc::new(tokens);
        let service = Arc::new(open_service(folder, settings, tokens.clone())?);
        let git = self.git.open(tokens, &service.settings().cors_origins)?;
        let name = self.identity_name.clone().unwrap_or_else(|| folder_name(site));
        let host = format!("{name}.localhost");
        Ok(Some(Opened { service, git, folder: folder.clone(), host, public: self.identity_public.clone() }))
    }

    fn settings(&self, folder: &Path) -> Result<Settings, Failure> {
        let mut settings = read_settings(folder)?;
        settings.autoconfirm |= self.identity_autoconfirm;
        settings.strict |= self.identity_strict;
        settings.providers.extend(self.identity_provider.iter().cloned());
        if let Some(life) = self.identity_token_life {
            settings.token_life = std::time::Duration::from_secs(life);
        }
        match self.identity_cookie {
            Some(Cookie::Asked) => settings.cookie = CookieMode::Asked,
            Some(Cookie::Always) => settings.cookie = CookieMode::Always,
            None => {}
        }
        settings.check().map_err(Failure::refused)?;
        Ok(settings)
    }
}

impl Opened {
    /// What answers before the rules, in this order, and the names that the server answers to.
    pub(super) fn mounts(&self, gate: &Arc<GateInForce>) -> (Vec<Arc<dyn Mount>>, Vec<String>) {
        let explainer = Explainer::new(Arc::clone(gate), self.host.clone());
        // A redirect keeps the fragment with the token.
        let mail_path = &self.service.settings().mail_path;
        let shown = explainer.explain(mail_path, None);
        if shown.denied && !(300..400).contains(&shown.status) {
            anstream::eprintln!(
                "warning: links in mails open `{mail_path}`, which is shut for whoever is not logged in; if the page that comes \
                 instead has no widget, nobody can confirm an address\n\
                 help: name an open page that has it in `identity.toml`: mail_path = \"/welcome\""
            );
        }
        let page = Operator::new(Arc::clone(&self.service), Arc::new(explainer), self.host.clone());
        let mut mounts: Vec<Arc<dyn Mount>> = vec![
            Arc::new(Mounted::at_host(operator::HOST, Arc::new(page))),
            Arc::new(Mounted::new(self.service.clone())),
        ];
        if let Some(git) = &self.git {
            mounts.push(Arc::new(Mounted::new(git.clone())));
        }
        (mounts, self.public.clone())
    }

    /// Leaves word for `rolegate identity`.
    pub(super) fn leave_word(&self, scheme: &str, address: SocketAddr) -> Result<Running, Failure> {
        Running::leave(&self.folder, address, scheme, &self.site(scheme, address), self.service.operator_token())
    }

    /// Says where to go.
    pub(super) fn say(&self, scheme: &str, address: SocketAddr) {
        let (site, port) = (self.site(scheme, address), address.port());
        anstream::eprintln!("open {site} for the site, {scheme}://{}:{port} for users and mails", operator::HOST);
    }

    fn site(&self, scheme: &str, address: SocketAddr) -> String {
        format!("{scheme}://{}:{}", self.host, address.port())
    }
}

/// The service over a folder.
fn open_service(folder: &Path, settings: Settings, tokens: Arc<dyn Tokens>) -> Result<Service, Failure> {
    let store = open_store(&store_file(folder))?;
    let mailbox = Folder::open(&folder.join("mail"))
        .map_err(|error| Failure::cannot_run(format!("cannot open the mailbox in `{}`: {error}", folder.display())))?;
    let mailbox = Arc::new(Announcing { folder: mailbox });
    Service::new(Parts { store: Arc::new(store), tokens, mailbox, caller: Arc::new(Loopback), settings })
        .map_err(|error| Failure::refused(error.to_string()))
}

fn open_store(path: &Path) -> Result<FileStore, Failure> {
    // Nobody else's to read: it holds the hashes of passwords.
    private(path).map_err(|error| Failure::cannot_run(format!("cannot write `{}`: {error}", path.display())))?;
    FileStore::open(path).map_err(|fault| match fault {
        Fault::Locked => Failure::cannot_run(format!(
            "`{}` is open in another process\nhelp: stop the other `rolegate serve`, or name another folder",
            path.display()
        )),
        fault => Failure::cannot_run(format!("cannot open `{}`: {fault}", path.display())),
    })
}

fn read_settings(folder: &Path) -> Result<Settings, Failure> {
    let path = folder.join("identity.toml");
    match fs::read_to_string(&path) {
        Ok(text) => Settings::read(&text).map_err(|why| Failure::refused(format!("`{}`: {why}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(Failure::cannot_run(format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// A mailbox that says on standard error what has come: nothing is sent, so somebody has to look.
#[derive(Debug)]
struct Announcing {
    folder: Folder,
}

impl Mailbox for Announcing {
    fn deliver(&self, mail: &Mail, now: Moment) -> std::io::Result<()> {
        self.folder.deliver(mail, now)?;
        anstream::eprintln!("mail to {}: {}: {}", mail.to, mail.subject.line(), mail.link);
        Ok(())
    }

    fn newest(&self, limit: usize) -> std::io::Result<Vec<String>> {
        self.folder.newest(limit)
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| Failure::cannot_run(format!("cannot make the folder `{}`: {error}", folder.display())))
}

/// A folder of users that lies in a repository is not committed with it by accident.
fn keep_out_of_git(folder: &Path) -> Result<(), Failure> {
    let path = folder.join(".gitignore");
    match fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(b"*\n")) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Failure::cannot_run(format!("cannot write `{}`: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Makes a file that only its owner reads, if it is not there.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn store_file(folder: &Path) -> PathBuf {
    folder.join("identity.redb")
}

fn secret_file(folder: &Path) -> PathBuf {
    folder.join("secret")
}

fn secret_name(folder: &Path) -> String {
    secret_file(folder).display().to_string()
}

/// The secret of the folder. Where there are no users yet it is a fresh one: a store that was thrown away takes its secret
/// along, or the cookies of the users in it would open pages until they run out.
fn own_secret(folder: &Path) -> Result<Vec<u8>, Failure> {
    if store_file(folder).exists() {
        match fs::read(secret_file(folder)) {
            Ok(secret) if !secret.is_empty() => return Ok(secret),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(no_secret(folder, &error)),
            _ => {}
        }
    }
    // 44 characters, 256 random bits.
    [(); 2]
        .into_iter()
        .map(|()| rolegate_identity::secrets::token())
        .collect::<Result<String, _>>()
        .map(String::into_bytes)
        .map_err(|error| no_secret(folder, &error))
}

/// Keeps the secret for the next start; before there is a store, which is what says that it is not to be made anew.
fn keep_secret(folder: &Path, secret: &[u8]) -> Result<(), Failure> {
    let path = secret_file(folder);
    if fs::read(&path).is_ok_and(|kept| kept == secret) {
        return Ok(());
    }
    let part = folder.join("secret.part");
    // Half a secret would be a weak one.
    private(&part)
        .and_then(|mut file| {
            file.set_len(0)?;
            file.write_all(secret)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, &path))
        .map_err(|error| no_secret(folder, &error))
}

fn no_secret(folder: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::cannot_run(format!("cannot have a secret in `{}`: {error}", secret_name(folder)))
}

/// Whether a folder, which need not be there yet, lies in another or is it.
fn is_inside(folder: &Path, other: &Path) -> bool {
    let (Ok(folder), Ok(other)) = (std::path::absolute(folder), fs::canonicalize(other)) else { return true };
    let existing = folder.ancestors().find_map(|ancestor| Some((ancestor, fs::canonicalize(ancestor).ok()?)));
    let Some((ancestor, real)) = existing else { return true };
    let Ok(rest) = folder.strip_prefix(ancestor) else { return true };
    // Where it would lead to is not known before what is missing is there.
    rest.components().any(|part| part == std::path::Component::ParentDir) || real.join(rest).starts_with(&other)
}

/// A name for the site from that of its folder: what a host name can hold.
fn folder_name(site: &Path) -> String {
    let site = fs::canonicalize(site).unwrap_or_else(|_| site.to_owned());
    let name: String = site
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_ascii_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .take(63)
        .collect();
    match name.trim_matches('-') {
        "" | "operator" => "site".to_owned(),
        name => name.to_owned(),
    }
}

fn name(text: &str) -> Result<String, String> {
    match text {
        "operator" => Err("`operator` is the name of the operator's page; write another".to_owned()),
        _ if is_label(text) => Ok(text.to_owned()),
        _ => Err("write small letters, digits and hyphens, such as `my-site`".to_owned()),
    }
}

fn public_name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    if name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err("write a name without scheme and port, such as `site.example`".to_owned())
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number.parse().map_err(|_| "write a number of seconds, such as `65`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_published_folder() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        for (path, expected) in [
            ("site", true),
            ("site/a/b", true),
            ("site/../site/a", true),
            ("missing/../a", true),
            ("siteb", false),
            ("a/site", false),
            ("", false),
        ] {
            assert_eq!(is_inside(&folder.path().join(path), &site), expected, "{path}");
        }
    }

    #[test]
    fn names() {
        for (folder, expected) in [
            ("/nowhere/My Site", "my-site"),
            ("/nowhere/operator", "site"),
            ("/nowhere/___", "site"),
            ("/nowhere/a.b", "a-b"),
        ] {
            assert_eq!(folder_name(Path::new(folder)), expected);
        }
        assert!(name("operator").is_err() && name("A").is_err() && name("-a").is_err() && name("a-1").is_ok());
        for (text, expected) in [
            ("site.example", Some("site.example")),
            ("Site.Example", Some("site.example")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("site.example:8443", None),
            ("https://site.example", None),
            ("site.example.", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(public_name(text).ok().as_deref(), expected, "{text}");
        }
        assert_eq!((seconds("65s"), seconds("65")), (Ok(65), Ok(65)));
    }
}
