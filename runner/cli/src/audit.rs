//! `gatecheck audit`.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use gatecheck::corpus::{Corpus, DEFAULT_ROLE_PATH, Settings};
use gatecheck::event::Event;
use gatecheck::exit::{ExitStatus, HELP};
use gatecheck::gates::Gate;
use gatecheck::own::{NoTokens, Tokens};
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::merge;
use gatecheck::report::terminal::{TerminalOptions, TerminalReporter};
use gatecheck::run::{LONGEST_PAUSE, Plan, RunOptions};
use gatecheck::wire::Target;
use gatecheck::wire::plain::{Clients, HttpVersion, Plain, PlainOptions};
use gatecheck_audit::given::{Given, TokenFrom};
use gatecheck_audit::site_check::{Manners, SiteCheck, check};
use gatecheck_audit::table::TableOptions;
use gatecheck_audit::{Audit, Seen, Wish, page, plan, table, verdicts};

use super::columns::{columns, columns_or};
use super::format::{Output, Outputs, tell};
use super::gate::{GateArgs, gate};
use super::part::{BY_THE_ENGINE, part};
use super::run::{ENDING, each_event};
use super::settings::{budget, jobs, rate, retries, timeout};
use super::{Failure, note, reports, say};

/// Arguments of `gatecheck audit`.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct AuditArgs {
    /// The URL of the site: scheme and host. Only a site that is yours, or that you may test. Without it the folder is put to the embedded gate: does it do
    /// what I mean?
    url: Option<String>,
    /// The root of the project, or the folder that is published
    #[arg(long, value_name = "DIR", default_value = ".")]
    site: PathBuf,
    /// Read the rules of this `netlify.toml`, if it is not the one of the project
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The variable that holds the secret of the site: with it there are holders of every role, and tokens that only whoever knows it can forge
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// A real token for a role, in a file; `none=FILE` is a token without a role
    #[arg(long, value_name = "ROLE=FILE")]
    token: Vec<String>,
    /// A command that prints a real token for a role, for tokens with a short life
    #[arg(long, value_name = "ROLE=CMD")]
    token_command: Vec<String>,
    /// Where the roles stand in a token: names with dots, or a JSON pointer
    #[arg(long, value_name = "PATH", default_value = DEFAULT_ROLE_PATH)]
    role_path: String,
    /// The `iss` that the gate asks for: all tokens that are made bear it, but for those that must not count because of it
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,
    /// The `aud` that the gate asks for, in the same way
    #[arg(long, value_name = "TEXT")]
    audience: Option<String>,
    /// Say what would be asked and how long it takes, and send nothing
    #[arg(long)]
    plan: bool,
    /// No more requests than this: every rule by every class of visitor first, then caches, spellings, files, tokens
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = budget)]
    budget: usize,
    /// Ask also what the site forwards to other servers or to functions
    #[arg(long)]
    forwarding: bool,
    /// Audit although what is deployed does not look like what lies in the folder
    #[arg(long)]
    anyway: bool,
    /// Start this command on a copy of the site and ask it; `{site}`, `{port}`, `{secret}`, `{role-path}` and the like are filled in
    #[arg(long, value_name = "CMD", conflicts_with = "gate")]
    launch: Option<String>,
    /// Start the gate that this gate file describes: a path, or a name under `runner/gates/`
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// Ask this broken gate of `gatecheck self-test`, to see how its defect shows on this site
    #[arg(long, value_name = "ID", conflicts_with_all = ["launch", "gate"])]
    broken_gate: Option<String>,
    /// Connect to this address, whatever the name in the URL resolves to
    #[arg(long, value_name = "ADDR:PORT")]
    connect_to: Option<SocketAddr>,
    /// Ask ordinary requests over HTTP/2
    #[arg(long)]
    http2: bool,
    /// Take certificates of the authority in this PEM file as well
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Take any certificate
    #[arg(long)]
    insecure: bool,
    /// How many requests may be under way at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = jobs)]
    jobs: usize,
    /// At most this many requests a second; 20 for a site that is not on this machine
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Time limit of one answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = timeout)]
    timeout: Duration,
    /// How often a request is sent again when the connection itself fails
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = retries)]
    retries: u32,
    /// The longest pause that the site may ask for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = LONGEST_PAUSE.as_secs())]
    longest_pause: u64,
    /// What is known: a YAML file, as `gatecheck baseline` writes it
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Ask only this part; without a value, the part that the variables of the CI engine name (`CI_NODE_INDEX`, `JOB_COMPLETION_INDEX` and the like)
    #[arg(long, value_name = "I/N", num_args = 0..=1, default_missing_value = BY_THE_ENGINE)]
    shard: Option<String>,
    /// Put the JSON reports of the parts together, asking nothing; the other options have to be those of the parts
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with = "shard")]
    merge: Vec<String>,
    /// What the budget leaves out, and the order, are drawn with this number; parts of one audit need the same (default: 1)
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u32>,
    /// Write a report as well, any number of times; KIND is json, ndjson, junit, tap, sarif, markdown, annotations, badge-json, badge-svg, har or html, and
    /// `-` as PATH is standard output
    #[arg(long, value_name = "KIND=PATH")]
    format: Vec<Output>,
    /// How many findings of one rule are shown whole
    #[arg(long, value_name = "N", default_value_t = 2)]
    whole: usize,
    /// List every rule, however many there are
    #[arg(long)]
    all: bool,
    /// Let tokens and secrets stand in the report
    #[arg(long)]
    show_secrets: bool,
}

/// The rate for a site that is not on this machine.
const GENTLE: f64 = 20.0;
/// How many public files and redirects are compared before anything else.
const COMPARED: usize = 8;

/// Audits a site.
pub(super) fn audit(corpus: &Corpus, args: AuditArgs) -> Result<ExitStatus, Failure> {
    let goal = Goal::of(&args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::harness(error.to_string()))?;
    let wish = wish(&args, &goal)?;
    let seen = Seen::of(&wish).map_err(|why| match args.site.is_dir() {
        true => Failure::usage(why),
        false => Failure::usage(format!("{why}; name the root of the project, or the folder that is published")),
    })?;
    if args.plan {
        let first = goal.remote.is_some().then(|| plan::First { requests: seen.looked_at(COMPARED) });
        say(&plan::render(&seen.plan(&wish, corpus), goal.rate, first));
        return Ok(ExitStatus::AsExpected);
    }
    if !args.merge.is_empty() {
        return merged(&args, &seen.audit(&wish, corpus));
    }
    let site = runtime.block_on(site_check(&args, &goal, &seen))?;
    let told = site.as_ref().map(SiteCheck::told);
    let wish = Wish { is_alike: site.as_ref().is_none_or(SiteCheck::is_alike), ..wish };
    let audit = seen.audit(&wish, corpus);
    if let Some(own) = audit.corpus.suites.first().and_then(|suite| suite.own.as_ref()) {
        site.iter().flat_map(|site| &site.seen).for_each(|body| own.marks.see(body));
    }
    if audit.cases.is_empty() {
        return Err(Failure::usage("there is nothing to ask: no rule of this site can be tried"));
    }
    let open_page = site.and_then(|site| site.open_page);
    let outcome = ask(&args, goal, &wish, &audit, &runtime, told.clone(), open_page)?;
    // What stopped early has gates that still run: they end with the tasks that keep them.
    runtime.shutdown_timeout(ENDING);
    outcome
}

/// What is asked, and how.
struct Goal {
    gate: Gate,
    /// The site at a URL.
    remote: Option<Target>,
    /// Whether it is somebody's site, and not a gate that was started here.
    rate: Option<f64>,
}

impl Goal {
    fn of(args: &AuditArgs) -> Result<Self, Failure> {
        let named = GateArgs {
            launch: args.launch.clone(),
            gate: args.gate.clone(),
            broken_gate: args.broken_gate.clone(),
            connect_to: args.connect_to,
            ca: args.ca.clone(),
            insecure: args.insecure,
            ..GateArgs::default()
        };
        let gate = gate(&named, args.url.as_deref().map(|url| url.trim_end_matches('/')))?;
        let remote = match &gate {
            Gate::Remote(target) => Some(target.clone()),
            _ => None,
        };
        let is_far = remote.as_ref().is_some_and(|target| !is_loopback(target));
        let rate = args.rate.or_else(|| is_far.then_some(GENTLE));
        Ok(Self { gate, remote, rate })
    }
}

fn is_loopback(target: &Target) -> bool {
    let host = target.host.trim_matches(['[', ']']);
    let by_name = host == "localhost" || host.ends_with(".localhost");
    match target.connect_to {
        Some(address) => address.ip().is_loopback(),
        None => by_name || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// What the user says, understood.
fn wish(args: &AuditArgs, goal: &Goal) -> Result<Wish, Failure> {
    let secret = secret(args, goal)?;
    let given = given(args)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    let now = now.unwrap_or_default();
    if !args.plan && args.merge.is_empty() {
        let settings = Settings {
            secret: secret.clone().unwrap_or_default(),
            role_path: args.role_path.clone(),
            issuer: args.issuer.clone(),
            audience: args.audience.clone(),
            ..Settings::default()
        };
        let doubts = given.check(&settings, secret.is_some(), now).map_err(Failure::usage)?;
        doubts.iter().for_each(|doubt| note(doubt));
    }
    let given_roles = given.roles();
    let tokens: Arc<dyn Tokens> = if given_roles.is_empty() { Arc::new(NoTokens) } else { Arc::new(given) };
    Ok(Wish {
        site: args.site.clone(),
        netlify_toml: args.config.clone(),
        secret,
        role_path: args.role_path.clone(),
        issuer: args.issuer.clone(),
        audience: args.audience.clone(),
        given_roles,
        given: tokens,
        budget: args.budget,
        seed: args.seed.unwrap_or(1),
        forwarding: args.forwarding,
        host: goal.remote.as_ref().map(Target::host_value),
        origin: goal.remote.as_ref().map_or_else(|| "http://127.0.0.1".to_owned(), Target::origin),
        https: goal.remote.as_ref().is_some_and(|target| target.https),
        is_alike: true,
        now,
    })
}

/// The secret of the site, as far as it is known.
fn secret(args: &AuditArgs, goal: &Goal) -> Result<Option<String>, Failure> {
    let mut secret = match &args.secret_env {
        None => None,
        Some(name) => match std::env::var(name) {
            Ok(secret) => Some(secret),
            Err(_) => {
                return Err(Failure::usage(format!(
                    "--secret-env {name}: there is no such variable, or it is no text"
                )));
            }
        },
    };
    if let Some(secret) = &secret {
        gatecheck_audit::model::check_secret(secret)
            .map_err(|error| Failure::usage(format!("--secret-env: {error}")))?;
    }
    // A gate that is started here is given a secret of our own where the user names none.
    if secret.is_none() && goal.remote.is_none() && args.token.is_empty() && args.token_command.is_empty() {
        secret = Some(gatecheck::corpus::DEFAULT_SECRET.to_owned());
    }
    Ok(secret)
}

/// The tokens that the user hands over.
fn given(args: &AuditArgs) -> Result<Given, Failure> {
    let pairs = |texts: &[String], make: fn(&str) -> TokenFrom, what: &str| {
        let read = texts.iter().map(|text| match text.split_once('=') {
            Some((role, value)) if !role.is_empty() && !value.is_empty() => Ok((role.to_owned(), make(value))),
            _ => Err(Failure::usage(format!("--{what} {text}: write ROLE=… , for example `admin=admin.jwt`"))),
        });
        read.collect::<Result<Vec<_>, _>>()
    };
    let mut from = pairs(&args.token, |path| TokenFrom::File(PathBuf::from(path)), "token")?;
    from.extend(pairs(&args.token_command, |command| TokenFrom::Command(command.to_owned()), "token-command")?);
    Ok(Given::of(from))
}

fn user_agent() -> String {
    format!(
        "gatecheck/{} (audit of role rules, by the owner of this site; {})",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_REPOSITORY")
    )
}

/// Whether what is deployed is this site. A gate that is started here serves this very folder.
async fn site_check(args: &AuditArgs, goal: &Goal, seen: &Seen) -> Result<Option<SiteCheck>, Failure> {
    let Some(target) = &goal.remote else { return Ok(None) };
    let options = PlainOptions {
        version: if args.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 },
        limit: args.timeout,
        remote: Some(target),
    };
    let client = Plain::new(target.clone(), Clients::new(options).map_err(Failure::harness)?);
    let pause = goal.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(rate.recip().min(60.0)));
    let (files, redirects) = (seen.public_files(COMPARED), seen.open_redirects(COMPARED));
    let nothing = seen.nothing_behind_gates(COMPARED);
    let manners = Manners { user_agent: user_agent(), pause, longest_pause: Duration::from_secs(args.longest_pause) };
    let found = check(&client, target, &manners, &files, &redirects, &nothing).await;
    if let Some(why) = &found.in_the_way {
        return Err(Failure { status: ExitStatus::Unreachable, message: format!("there is no site to ask: {why}") });
    }
    match found.objection() {
        Some(objection) if !args.anyway => Err(Failure {
            status: ExitStatus::Unreachable,
            message: format!(
                "{objection}\nbuild the folder as it is deployed (--site), or name the right URL; --anyway audits all the same"
            ),
        }),
        _ => Ok(Some(found)),
    }
}

fn run_options(args: &AuditArgs, goal: &Goal, wish: &Wish, open_page: Option<String>) -> Result<RunOptions, Failure> {
    Ok(RunOptions {
        patterns: Vec::new(),
        shard: part(args.shard.as_deref())?,
        seed: Some(wish.seed),
        jobs: args.jobs.max(1),
        timeout: args.timeout,
        rate: goal.rate,
        retries: args.retries,
        http: if args.http2 { HttpVersion::Http2 } else { HttpVersion::Http1 },
        without: gatecheck_audit::leaves_out(),
        longest_pause: Duration::from_secs(args.longest_pause),
        user_agent: goal.remote.is_some().then(user_agent),
        open_page,
        ..RunOptions::default()
    })
}

fn ask(
    args: &AuditArgs,
    goal: Goal,
    wish: &Wish,
    audit: &Audit,
    runtime: &tokio::runtime::Runtime,
    site: Option<String>,
    open_page: Option<String>,
) -> Result<Result<ExitStatus, Failure>, Failure> {
    let options = run_options(args, &goal, wish, open_page)?;
    let plan = Plan::new(&audit.corpus, &goal.gate, &options).map_err(|error| Failure::usage(error.to_string()))?;
    let baseline = args.baseline.as_deref().map(super::baseline::open).transpose()?.unwrap_or_default();
    let mut outputs = Outputs::open(args.format.clone())?.with_page(page_of(audit, site.clone()));
    let mut report = Aggregate::new(ReportOptions { show_secrets: args.show_secrets, strict: false }).knowing(baseline);
    let progress = std::io::stderr().is_terminal();
    let mut bar = TerminalReporter::new(TerminalOptions {
        all: args.all,
        whole: args.whole,
        observations: false,
        progress,
        columns: columns(),
    });
    let planned = plan.cases();
    let interrupted = runtime
        .block_on(async {
            let ended = each_event(Arc::clone(&audit.corpus), goal.gate, options, plan, |event| {
                report.note(event);
                bar.note(event, &report);
                outputs.note(event, &report);
                ControlFlow::Continue(())
            })
            .await;
            if let Ok(true) = ended {
                // What was asked is told, and what is missing is named.
                let started = report.pins.started.unwrap_or_else(SystemTime::now);
                let elapsed = SystemTime::now().duration_since(started).unwrap_or_default();
                let end = Event::RunFinished { at: SystemTime::now(), elapsed };
                report.note(&end);
                bar.note(&end, &report);
            }
            ended
        })
        .map_err(|error| Failure::harness(format!("the audit ended early: {error}")))?;
    let text = table::render(audit, &report, &verdicts::of(audit, &report), site.as_deref(), table_options(args));
    outputs.finish(&text, &report)?;
    let asked = report.outcomes.len();
    if interrupted {
        let missing = planned.saturating_sub(asked);
        return Ok(Err(Failure::harness(format!(
            "the audit was interrupted: {missing} of {planned} cases were not asked"
        ))));
    }
    Ok(Ok(verdicts::exit_status(&report)))
}

/// The columns of a table that goes to no terminal.
const TABLE: usize = 100;

fn table_options(args: &AuditArgs) -> TableOptions {
    TableOptions { whole: args.whole, columns: columns_or(TABLE), all: args.all }
}

fn page_of(audit: &Audit, site: Option<String>) -> impl Fn(&Aggregate) -> String + 'static {
    let audit = audit.clone();
    move |run| page::render(&audit, run, &verdicts::of(&audit, run), site.as_deref())
}

/// The parts of an audit become one.
fn merged(args: &AuditArgs, audit: &Audit) -> Result<ExitStatus, Failure> {
    let parts = reports(&args.merge)?;
    let whole = merge::merge(&parts, &audit.corpus).map_err(|error| {
        let lines: Vec<String> = error.0.iter().map(|line| format!("  {line}")).collect();
        Failure::usage(format!("these are not the parts of one audit:\n{}", lines.join("\n")))
    })?;
    let run = Aggregate::reread(&whole, &audit.corpus, None).map_err(|error| Failure::usage(error.to_string()))?;
    let text = table::render(audit, &run, &verdicts::of(audit, &run), None, table_options(args));
    let page = page_of(audit, None);
    tell(args.format.clone(), &text, |kind| match kind {
        gatecheck::report::Kind::Html => Ok(page(&run)),
        kind => kind.render(&run).map_err(|error| Failure::harness(format!("{kind}: {error}"))),
    })?;
    let _ = std::io::stdout().flush();
    Ok(verdicts::exit_status(&run))
}
