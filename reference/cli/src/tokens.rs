//! How tokens are verified, as the command line says it; the secret itself never stands there.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rolegate::{Algorithm, RolePath, RolePathError, TokenSettings};
use rolegate_keys::Algorithms;
use rolegate_server::KeyRing;
use rolegate_server::config::KeySource;
use rolegate_server::jwks_url::{FetchError, FreshKeys, JwksUrl, Schedule};

use super::Failure;

/// The variable that is looked at where no source of keys is named.
pub(super) const DEFAULT_SECRET_ENV: &str = "JWT_SECRET";

/// How tokens are verified.
#[derive(Args, Debug)]
pub(super) struct TokenArgs {
    /// Who makes the tokens; any option given beside it overrides what it sets
    #[arg(long, value_enum, default_value_t = Provider::Custom)]
    provider: Provider,
    /// The tenant's domain at the provider, such as `example.eu.auth0.com`; for `--provider auth0`
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    domain: Option<String>,
    /// The environment variable that holds the secret of the tokens [default: JWT_SECRET, where it is set]
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// The file that holds the secret instead, such as a credential of systemd; a line end at its end does not count
    #[arg(long, value_name = "FILE", conflicts_with = "secret_env")]
    secret_file: Option<PathBuf>,
    /// The file that holds the public key of the tokens in PEM, or a certificate; HS256 tokens are then refused
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "secret_file"])]
    public_key: Option<PathBuf>,
    /// The file or https URL of the JWKS document with the public keys of the tokens; HS256 tokens are then refused.
    /// A URL has to answer at the start; it is looked at again from time to time, and the last good keys stay where that
    /// fails
    #[arg(long, value_name = "FILE|URL", conflicts_with_all = ["secret_env", "secret_file", "public_key"])]
    jwks: Option<String>,
    /// An algorithm that public keys may serve, such as RS256; several with commas between, or one by one. An RSA key that
    /// names none serves the first RSA algorithm of the list [default: all; RS256 for such a key]
    #[arg(long = "algorithm", value_name = "ALG", value_delimiter = ',')]
    algorithms: Vec<Algorithm>,
    /// What the `aud` of a token has to hold; can be given several times, then one of them [default: not checked]
    #[arg(long = "audience", value_name = "TEXT")]
    audiences: Vec<String>,
    /// What the `iss` of a token has to be, to the letter [default: not checked]
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,
    /// Where in a token the roles stand: names with dots between, or a JSON Pointer
    /// [default: app_metadata.authorization.roles]
    #[arg(long, value_name = "PATH")]
    role_path: Option<RolePath>,
    /// Accept a token for so many seconds after its `exp` and before its `nbf`
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=300))]
    leeway: u64,
    /// Accept a token without `exp`, which never expires
    #[arg(long)]
    accept_missing_exp: bool,
    /// Accept a token without `typ`
    #[arg(long)]
    accept_missing_typ: bool,
}

/// Who makes the tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Provider {
    /// Somebody with a secret: HS256, roles at app_metadata.authorization.roles
    Custom,
    /// Netlify Identity: HS256, roles at app_metadata.roles
    Identity,
    /// Auth0: RS256, with the keys at https://DOMAIN/.well-known/jwks.json and `https://DOMAIN/` as issuer. Needs --domain,
    /// --audience, and --role-path, since it is an Action of the tenant that writes roles into a claim, such as
    /// `/https:~1~1example.com~1roles` for the claim `https://example.com/roles`
    Auth0,
}

/// What the options come to.
pub(super) struct Opened {
    /// Where the keys come from.
    pub(super) source: KeySource,
    /// The task that keeps the keys of a URL fresh.
    pub(super) fresh: Option<FreshKeys>,
    /// How tokens are read.
    pub(super) settings: TokenSettings,
}

impl TokenArgs {
    /// What the operator calls the secret.
    pub(super) fn key_name(&self) -> String {
        match &self.secret_file {
            Some(file) => file.display().to_string(),
            None => self.secret_env.as_deref().unwrap_or(DEFAULT_SECRET_ENV).to_owned(),
        }
    }

    /// Whether the operator says where the roles stand.
    pub(super) fn names_role_path(&self) -> bool {
        self.role_path.is_some()
    }

    /// Finds out where the keys come from; those of a URL are fetched.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let settings = self.settings()?;
        match self.jwks_url()? {
            None => Ok(Opened { source: self.local()?, fresh: None, settings }),
            Some(url) => {
                let source = JwksUrl::new(&url, self.algorithms(), Schedule::default())
                    .map_err(|error| Failure::refused(error.to_string()))?;
                let (ring, passed_over, fresh) = source.open().await.map_err(|error| cannot_fetch(&url, &error))?;
                for key in passed_over {
                    anstream::eprintln!("WARNING: {url}: {key}; it is not used");
                }
                Ok(Opened { source: KeySource::Ring(ring), fresh: Some(fresh), settings })
            }
        }
    }

    /// The keys of this moment, for a command that ends soon.
    pub(super) fn open_once(&self) -> Result<(KeyRing, TokenSettings), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::cannot_run(format!("cannot start a runtime: {error}")))?;
        let Opened { source, settings, .. } = runtime.block_on(self.open())?;
        Ok((source.read()?, settings))
    }

    fn settings(&self) -> Result<TokenSettings, Failure> {
        let is_auth0 = self.provider == Provider::Auth0;
        let missing =
            |option: &str, what: &str| Failure::refused(format!("--provider auth0 needs {option}\nhelp: {what}"));
        if is_auth0 && self.audiences.is_empty() {
            return Err(missing(
                "--audience",
                "give it the identifier of your API, or the client id where the cookie holds an ID token; without it a token \
                 for any other application of the tenant would count",
            ));
        }
        let role_path = match (&self.role_path, self.provider) {
            (Some(path), _) => path.clone(),
            (None, Provider::Custom) => RolePath::default(),
            (None, Provider::Identity) => identity_role_path()?,
            (None, Provider::Auth0) => {
                return Err(missing(
                    "--role-path",
                    "give it the claim that your Action writes the roles into: for `https://example.com/roles` that is \
                     --role-path /https:~1~1example.com~1roles",
                ));
            }
        };
        let issuer = match (&self.issuer, is_auth0, &self.domain) {
            (None, true, Some(domain)) => Some(format!("https://{domain}/")),
            (issuer, _, _) => issuer.clone(),
        };
        Ok(TokenSettings {
            role_path,
            leeway: Duration::from_secs(self.leeway),
            accept_missing_exp: self.accept_missing_exp,
            accept_missing_typ: self.accept_missing_typ,
            audiences: self.audiences.clone(),
            issuer,
        })
    }

    fn algorithms(&self) -> Algorithms {
        match self.provider {
            Provider::Auth0 if self.algorithms.is_empty() => Algorithms::only([Algorithm::RS256]),
            _ => Algorithms::only(self.algorithms.iter().copied()),
        }
    }

    /// The URL of a JWKS document, where the options name one or the provider has one.
    fn jwks_url(&self) -> Result<Option<String>, Failure> {
        if let Some(place) = &self.jwks {
            return Ok(place.contains("://").then(|| place.clone()));
        }
        let is_said = self.secret_env.is_some() || self.secret_file.is_some() || self.public_key.is_some();
        match (self.provider, &self.domain) {
            (Provider::Auth0, Some(domain)) if !is_said => Ok(Some(format!("https://{domain}/.well-known/jwks.json"))),
            (Provider::Auth0, None) if !is_said || self.issuer.is_none() => Err(Failure::refused(
                "--provider auth0 needs --domain\nhelp: give it the domain of your tenant, such as `example.eu.auth0.com`",
            )),
            _ => Ok(None),
        }
    }

    /// ROLE-10: where the keys come from; nowhere, where no source is named and the default variable is not set.
    fn local(&self) -> Result<KeySource, Failure> {
        if let Some(path) = &self.public_key {
            return Ok(KeySource::PemFile { path: path.clone(), algorithms: self.algorithms() });
        }
        if let Some(path) = &self.jwks {
            return Ok(KeySource::JwksFile { path: path.into(), algorithms: self.algorithms() });
        }
        if let Some(file) = &self.secret_file {
            return Ok(KeySource::SecretFile(file.clone()));
        }
        let name = self.key_name();
        match (env::var_os(&name), &self.secret_env) {
            (Some(secret), _) => Ok(KeySource::Secret { name, secret: secret.as_encoded_bytes().to_vec() }),
            (None, None) => Ok(KeySource::None),
            (None, Some(_)) => Err(Failure::refused(format!(
                "the environment variable `{name}`, named by --secret-env, is not set\n\
                 help: put the secret of your tokens into it, for example: {name}=… rolegate …"
            ))),
        }
    }
}

fn cannot_fetch(url: &str, error: &FetchError) -> Failure {
    let message = format!("cannot fetch the keys at `{url}`: {error}");
    match error {
        FetchError::Document(_) => Failure::refused(message),
        FetchError::Unreachable(_) | FetchError::TooSlow(_) | FetchError::Status(_) => Failure::cannot_run(message),
    }
}

fn domain(text: &str) -> Result<String, String> {
    let is_host = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_host { Ok(text.to_owned()) } else { Err("write the host alone, such as `example.eu.auth0.com`".to_owned()) }
}

/// Where the roles stand in the tokens of Identity.
///
/// # Errors
/// What stands here is no role path: never another one in its place.
pub(super) fn identity_role_path() -> Result<RolePath, Failure> {
    "app_metadata.roles".parse().map_err(|error: RolePathError| Failure::cannot_run(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        tokens: TokenArgs,
    }

    fn args(line: &str) -> TokenArgs {
        let words = std::iter::once("rolegate").chain(line.split_whitespace());
        <Line as clap::Parser>::try_parse_from(words).map_err(|error| error.to_string()).expect("a command line").tokens
    }

    #[test]
    fn presets() {
        let identity = args("--provider identity").settings().unwrap();
        assert_eq!(identity.role_path.to_string(), "app_metadata.roles");
        assert_eq!(args("--provider identity --role-path a.b").settings().unwrap().role_path.to_string(), "a.b");
        assert_eq!(args("").settings().unwrap(), TokenSettings::default());

        let auth0 = "--provider auth0 --domain t.auth0.com --audience a --role-path /https:~1~1x.y~1r";
        let settings = args(auth0).settings().unwrap();
        assert_eq!(settings.issuer.as_deref(), Some("https://t.auth0.com/"));
        assert_eq!(settings.audiences, ["a"]);
        assert_eq!(args(auth0).jwks_url().unwrap().as_deref(), Some("https://t.auth0.com/.well-known/jwks.json"));
        assert_eq!(args(auth0).algorithms(), Algorithms::only([Algorithm::RS256]));

        let own = args(&format!("{auth0} --jwks keys.json --issuer me --algorithm ES256"));
        assert!(own.jwks_url().unwrap().is_none());
        assert_eq!(own.settings().unwrap().issuer.as_deref(), Some("me"));
        assert_eq!(own.algorithms(), Algorithms::only([Algorithm::ES256]));
    }

    #[test]
    fn what_auth0_needs() {
        let complete = ["--domain t.auth0.com", "--audience a", "--role-path r"];
        for missing in complete {
            let line: Vec<&str> = complete.into_iter().filter(|option| *option != missing).collect();
            let args = args(&format!("--provider auth0 {}", line.join(" ")));
            let refused = args.settings().err().or(args.jwks_url().err()).expect("refused");
            let option = missing.split(' ').next().unwrap();
            assert!(refused.message.contains(option), "{missing}: {}", refused.message);
        }
    }
}
