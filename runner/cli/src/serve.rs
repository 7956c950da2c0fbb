//! `gatecheck serve SUITE`: the site of a suite and a gate on it stay up, with tokens to ask it by hand.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use gatecheck::corpus::request::TokenRef;
use gatecheck::corpus::source::Access;
use gatecheck::corpus::{Corpus, Suite};
use gatecheck::deploy::Deployment;
use gatecheck::exit::ExitStatus;
use gatecheck::gates::Running;
use gatecheck::mint::Mint;
use gatecheck::suggest::did_you_mean_or;
use gatecheck::upstream::Upstream;
use gatecheck::wire::memory::Door;
use owo_colors::OwoColorize;
use tokio::net::TcpListener;

use super::config::ConfigArgs;
use super::gate::{GateArgs, asked, gate};
use super::run::interruption;
use super::{Failure, say};

/// Arguments of `gatecheck serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The suite whose site is served
    #[arg(value_name = "SUITE")]
    on: String,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Starts the gate on the suite and keeps it until it is interrupted.
pub(super) fn serve(corpus: Arc<Corpus>, args: &ServeArgs) -> Result<ExitStatus, Failure> {
    if !corpus.suites.iter().any(|suite| suite.id == args.on) {
        let known = corpus.suites.iter().map(|suite| suite.id.as_str());
        let meant = did_you_mean_or(&args.on, known, "`gatecheck list --suites` shows them");
        return Err(Failure::usage(format!("no suite `{}`{meant}", args.on)));
    }
    // A gate that runs already serves what it serves.
    let (url, named) = args.config.open()?.gate(None, &args.gate)?;
    let gate = if url.is_some() { gate(&args.gate, None)? } else { gate(&named, None)? };
    let corpus = asked(&corpus, &gate)?;
    let found = corpus.suites.iter().find(|suite| suite.id == args.on);
    let suite = found.ok_or_else(|| Failure::harness(format!("`{}` is asked of no such gate", args.on)))?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::harness(error.to_string()))?;
    runtime.block_on(async {
        let upstream = Upstream::open().await;
        let deployment = Deployment { upstream: upstream.url().to_owned(), ..Deployment::alone(suite) };
        let running = gate.start(&deployment).await;
        let running =
            running.map_err(|error| Failure { status: ExitStatus::Unreachable, message: error.to_string() })?;
        let address = address(&running).await?;
        let mut interruption = std::pin::pin!(interruption());
        // It listens for the end before anybody is told where the gate is.
        tokio::select! {
            biased;
            () = &mut interruption => return Ok(ExitStatus::AsExpected),
            () = std::future::ready(()) => {}
        }
        say(&told(&gate.name(), suite, &address));
        interruption.await;
        running.stop().await;
        Ok(ExitStatus::AsExpected)
    })
}

/// Where the gate can be asked; one that listens in this process alone gets a port.
async fn address(running: &Running) -> Result<String, Failure> {
    let Some(door) = running.door.clone() else { return Ok(running.target.origin()) };
    let no_port = |error: std::io::Error| Failure::harness(format!("no free port: {error}"));
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.map_err(no_port)?;
    let address = listener.local_addr().map_err(no_port)?;
    tokio::spawn(lead_in(listener, door));
    Ok(format!("http://{address}"))
}

/// Leads every connection to the gate in this process.
async fn lead_in(listener: TcpListener, door: Door) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let Ok(mut inside) = door.connect() else { break };
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut inside).await });
    }
}

fn told(gate: &str, suite: &Suite, address: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}  {gate}, on the site of {}; Ctrl-C stops it", address.bold(), suite.id);
    let settings = &suite.settings;
    let _ =
        writeln!(out, "\n{}\n  secret     {}\n  role path  {}", "Settings".bold(), settings.secret, settings.role_path);
    let _ = writeln!(out, "\n{}", "Files".bold());
    for (path, file) in &suite.files {
        let _ = writeln!(out, "  {path}  {}", format!("{:?}", file.access).to_lowercase());
    }
    let named = suite.cases.iter().flat_map(|case| {
        let own = match &case.request.token {
            Some(TokenRef::Named(name)) => Some(name.as_str()),
            _ => None,
        };
        own.into_iter().chain(case.request.templates().flat_map(|text| text.tokens()))
    });
    let names: BTreeSet<&str> = named.collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    let mint = Mint {
        recipes: &suite.recipes,
        settings,
        now: now.unwrap_or_default(),
        // Nobody listens there.
        listener: "http://127.0.0.1:9/",
    };
    let _ = writeln!(out, "\n{}", "Tokens".bold());
    let mut first = None;
    for name in names {
        match mint.named(name) {
            Ok(token) => {
                let _ = writeln!(out, "  {name}  {}", gatecheck::text::printable(&token));
                first = first.or(Some(token));
            }
            Err(why) => {
                let _ = writeln!(out, "  {name}  cannot be minted: {why}");
            }
        }
    }
    let carrier = suite.cases.iter().find(|case| case.request.token.is_some()).map(|case| case.request.carrier.clone());
    let field = first.map(|token| carrier.unwrap_or_default().field(&token));
    let field = field.map(|(name, value)| format!(" -H '{name}: {}'", gatecheck::text::printable(&value)));
    // What a gate keeps says more of it than what everybody gets.
    let kept = suite.files.iter().find(|(_, file)| file.access == Access::Protected).map(|(path, _)| path);
    let path = kept.or_else(|| suite.files.keys().next()).map_or("/", String::as_str);
    let field = field.unwrap_or_default();
    let _ = writeln!(out, "\n{}\n  curl -isS --path-as-is{field} '{address}{path}'", "To ask it".bold());
    out
}

#[cfg(test)]
mod tests {
    use gatecheck::corpus::subset::{Denial, TokenOnly};

    use super::*;

    #[test]
    fn what_is_to_be_asked_is_kept_and_asked_as_the_gate_takes_tokens() {
        let gate = TokenOnly { denial: Denial::Status(401), token: Some("authorization".to_owned()) };
        let plain = Corpus::embedded().unwrap();
        for (corpus, field) in [
            (plain.clone(), "-H 'Cookie: nf_jwt="),
            (plain.for_tokens_only(&gate).unwrap(), "-H 'Authorization: Bearer "),
        ] {
            let suite = corpus.suites.iter().find(|suite| suite.id == "role/denial").unwrap();
            let told = told("a gate", suite, "http://127.0.0.1:9");
            let ask = told.lines().last().unwrap();
            assert!(ask.contains(field) && ask.contains("'http://127.0.0.1:9/members/"), "{ask}");
        }
    }
}
