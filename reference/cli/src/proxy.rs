//! Where requests are forwarded to, and what goes with them, as options of `serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::Method;
use http::header::HeaderName;
use rolegate::edge::marks::{self, Mark};
use rolegate::request::Origin;
use rolegate_server::SiteOptions;
use rolegate_server::proxy::sign::SiteClaims;
use rolegate_server::proxy::{ProxySettings, Roots, fields};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Failure;

/// What the servers behind rules with a URL and the status 200 get, and how long they may take.
#[derive(Args, Debug)]
#[command(next_help_heading = "Forwarding")]
pub(super) struct ProxyArgs {
    /// The server that has the site: what the rules let a visitor see is got from there, and the folder holds the rules alone
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    upstream: Option<Origin>,
    /// The server in front has the site (with --authorize), and the folder holds the rules alone
    #[arg(long, requires = "authorize", conflicts_with = "upstream")]
    elsewhere: bool,
    /// Answer a trusted proxy at `/__gate/authorize` and `/__gate/subrequest` whether a visitor's request may be served
    #[arg(long, requires = "trusted_proxy")]
    authorize: bool,
    /// Send the cookie `nf_jwt` to this server too, such as `https://api.example.com`; others never see it
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    trust_upstream: Vec<Origin>,
    /// Pass on this field about the visitor, such as `X-Real-IP`: the trusted proxies write it themselves and take it from nobody
    #[arg(long, value_name = "NAME", requires = "trusted_proxy", value_parser = vouched)]
    pass_field: Vec<HeaderName>,
    /// Pass on requests with this method too, such as `PROPFIND`; it may reach further than the path that the rules decide about
    #[arg(long, value_name = "METHOD", value_parser = method)]
    pass_method: Vec<Method>,
    /// Speak HTTP/2 without TLS to this server, such as `http://127.0.0.1:50051`
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    http2_upstream: Vec<Origin>,
    /// Believe servers that these certificates (PEM) vouch for, instead of those that this machine trusts
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Seconds that connecting may take; then the answer is 504
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    connect_timeout: Duration,
    /// Seconds until the first byte of an answer; then the answer is 504
    #[arg(long, value_name = "SECONDS", default_value = "26", value_parser = seconds)]
    answer_timeout: Duration,
    /// Seconds that a server may be silent within its answer; then the connection is closed
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    upstream_idle_timeout: Duration,
    /// Bytes that the body of a forwarded request may have; a longer one is answered 413
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    max_body: u64,
    /// The address of this site, said in the signature of signed rules
    #[arg(long, value_name = "URL")]
    site_url: Option<String>,
    /// The id of this site, said in the signature of signed rules
    #[arg(long, value_name = "ID")]
    site_id: Option<String>,
    /// The kind of deployment, said in the signature of signed rules
    #[arg(long, value_name = "NAME", default_value = "dev")]
    deploy_context: String,
}

impl ProxyArgs {
    pub(super) fn settings(&self) -> Result<ProxySettings, Failure> {
        Ok(ProxySettings {
            upstream: self.upstream.clone(),
            trusted: self.trust_upstream.clone(),
            vouched: self.pass_field.clone(),
            methods: self.pass_method.clone(),
            http2: self.http2_upstream.clone(),
            roots: self.roots()?,
            connect_timeout: self.connect_timeout,
            answer_timeout: self.answer_timeout,
            idle_timeout: self.upstream_idle_timeout,
            body_limit: self.max_body,
            claims: SiteClaims {
                url: self.site_url.clone(),
                id: self.site_id.clone(),
                context: self.deploy_context.clone(),
            },
            ..ProxySettings::default()
        })
    }

    pub(super) fn site(&self) -> SiteOptions {
        let elsewhere = self.elsewhere || self.upstream.is_some();
        SiteOptions { elsewhere, server: self.upstream.clone(), ..SiteOptions::default() }
    }

    pub(super) fn authorize(&self) -> bool {
        self.authorize
    }

    fn roots(&self) -> Result<Roots, Failure> {
        let Some(file) = &self.upstream_ca else { return Ok(Roots::Machine) };
        let cannot_use = |error: String| Failure::cannot_run(format!("cannot use `{}`: {error}", file.display()));
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|error| cannot_use(error.to_string()))?;
        if certificates.is_empty() {
            return Err(cannot_use("it holds no certificate; write certificates in PEM form".to_owned()));
        }
        Ok(Roots::These(certificates))
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    Origin::parse(text).ok_or_else(|| {
        "write a scheme and a host, and a port where it is not the usual one: `https://api.example.com`".to_owned()
    })
}

fn vouched(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName =
        text.parse().map_err(|_| "write the name of a header field, such as `X-Forwarded-Client-Cert`".to_owned())?;
    if marks::may_be_vouched_for(name.as_str()) {
        return Ok(name);
    }
    Err(match marks::mark(name.as_str()) {
        None | Some(Mark::Passage) => "this field is passed on without the option; name one that states something about the visitor",
        Some(_) => "the gate says itself what is asked and where it came from; name a field that states something else about the visitor, with `-` and not `_`",
    }
    .to_owned())
}

fn method(text: &str) -> Result<Method, String> {
    let method: Method = text.parse().map_err(|_| "write the name of a method, such as `PROPFIND`".to_owned())?;
    if !fields::may_be_asked_with(&method) {
        return Err(
            "its answer would show what the gate has added to the request, or it opens a tunnel; it never passes"
                .to_owned(),
        );
    }
    Ok(method)
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "write a number of seconds over 0, such as `5` or `0.5`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_arrives_at_its_setting() {
        #[derive(clap::Parser)]
        struct Line {
            #[arg(long)]
            trusted_proxy: Option<String>,
            #[command(flatten)]
            proxy: ProxyArgs,
        }
        let line = "serve --trusted-proxy 127.0.0.1 --upstream http://a.example --trust-upstream http://b.example \
            --pass-field X-Real-IP --pass-method PROPFIND --http2-upstream http://c.example --connect-timeout 1.5 \
            --answer-timeout 2 --upstream-idle-timeout 3 --max-body 4 --site-url https://s.example --site-id id \
            --deploy-context production";
        let line = <Line as clap::Parser>::try_parse_from(line.split_whitespace()).unwrap();
        assert!(line.trusted_proxy.is_some() && line.proxy.site().elsewhere && !line.proxy.authorize());
        let settings = line.proxy.settings().unwrap();
        let origins = |text| vec![Origin::parse(text).unwrap()];
        assert_eq!(settings.upstream, Origin::parse("http://a.example"));
        assert_eq!((settings.trusted, settings.http2), (origins("http://b.example"), origins("http://c.example")));
        assert_eq!((settings.vouched, settings.methods.len()), (vec![HeaderName::from_static("x-real-ip")], 1));
        assert_eq!(settings.connect_timeout, Duration::from_millis(1500));
        assert_eq!((settings.answer_timeout, settings.idle_timeout), (Duration::from_secs(2), Duration::from_secs(3)));
        assert_eq!(settings.body_limit, 4);
        let SiteClaims { url, id, context } = settings.claims;
        assert_eq!(
            (url.as_deref(), id.as_deref(), context.as_str()),
            (Some("https://s.example"), Some("id"), "production")
        );
    }
}
