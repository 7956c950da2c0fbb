//! `gatecheck bundle`: suites as deployable sites, for a gate that cannot be launched from here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use gatecheck::corpus::{Corpus, DEFAULT_SECRET, Suite};
use gatecheck::deploy::{Deployment, MARKER_FILE, Manifest, immovable};
use gatecheck::exit::ExitStatus;

use super::{Failure, say};

/// Arguments of `gatecheck bundle`.
#[derive(Args, Debug)]
pub struct BundleArgs {
    /// The folder to write to; it must not exist yet, or be empty
    out: PathBuf,
    /// Only suites that have a case that fits one of these patterns
    patterns: Vec<String>,
}

/// The manifests of all bundles, the largest first.
pub(super) fn manifests(corpus: &Corpus) -> Vec<Manifest> {
    deployments(corpus, &[]).iter().map(|deployment| manifest(corpus, deployment)).collect()
}

fn deployments<'a>(corpus: &'a Corpus, patterns: &[String]) -> Vec<Deployment<'a>> {
    let chosen: Vec<&Suite> = corpus
        .suites
        .iter()
        .map(|suite| &**suite)
        // A deployed gate cannot reach an upstream on this machine.
        .filter(|suite| !suite.needs_upstream())
        .filter(|suite| {
            patterns.is_empty() || suite.cases.iter().any(|case| patterns.iter().any(|pattern| case.matches(pattern)))
        })
        // No gate elsewhere trusts the runner as its proxy.
        .filter(|suite| suite.settings.trusted_proxy.is_empty())
        .collect();
    let mut all = Deployment::grouped(&chosen);
    all.sort_by_key(|deployment| std::cmp::Reverse(deployment.suites.len()));
    all
}

fn manifest(corpus: &Corpus, deployment: &Deployment<'_>) -> Manifest {
    Manifest {
        corpus_digest: corpus.digest.clone(),
        secret: deployment.settings.secret.clone(),
        role_path: deployment.settings.role_path.clone(),
        public_key: deployment.settings.pem().map(str::to_owned),
        jwks: deployment.settings.jwks().and_then(|text| serde_json::from_str(text).ok()),
        algorithms: deployment.settings.algorithms.clone(),
        audience: deployment.settings.audience.clone(),
        issuer: deployment.settings.issuer.clone(),
        suites: deployment.suites.iter().map(|(suite, prefix)| (suite.id.clone(), prefix.clone())).collect(),
    }
}

/// Writes the bundles.
pub(super) fn bundle(corpus: &Corpus, args: &BundleArgs) -> Result<ExitStatus, Failure> {
    let occupied = std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(Failure::usage(format!(
            "{} is not empty; name a folder that does not exist yet",
            args.out.display()
        )));
    }
    let deployments = deployments(corpus, &args.patterns);
    if deployments.is_empty() {
        return Err(Failure::usage("no case fits these patterns; `gatecheck list` shows the ids"));
    }
    let mut rows = String::new();
    for (index, deployment) in deployments.iter().enumerate() {
        let name = format!("bundle-{}", index.saturating_add(1));
        let folder = args.out.join(&name);
        let site = folder.join("site");
        let failed = |error: std::io::Error| Failure::harness(format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(&site).map_err(failed)?;
        deployment.write(&site).map_err(failed)?;
        let manifest = manifest(corpus, deployment);
        std::fs::write(site.join(MARKER_FILE.trim_start_matches('/')), manifest.marker()).map_err(failed)?;
        let text = serde_json::to_string_pretty(&manifest).map_err(|error| Failure::harness(error.to_string()))?;
        std::fs::write(folder.join("manifest.json"), format!("{text}\n")).map_err(failed)?;
        let why = match deployment.suites.as_slice() {
            [(suite, prefix)] if prefix.is_empty() => {
                immovable(suite).unwrap_or("the only suite with these settings").to_owned()
            }
            suites => format!("{} suites, each under its own path prefix", suites.len()),
        };
        let cases: usize = deployment.suites.iter().map(|(suite, _)| suite.cases.len()).sum();
        let secret = match &deployment.settings.public {
            Some(_) => "public keys",
            None if deployment.settings.secret == DEFAULT_SECRET => "default",
            None => "its own",
        };
        let _ = writeln!(
            rows,
            "| {name} | {cases} | {} | {secret} | `{}` | {why} |",
            first_suite(deployment),
            deployment.settings.role_path
        );
    }
    let readme = README.replace("{rows}", rows.trim_end());
    std::fs::write(args.out.join("README.md"), readme).map_err(|error| Failure::harness(error.to_string()))?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for deployment in &deployments {
        let count = counts.entry(if deployment.suites.len() > 1 { "shared" } else { "single" }).or_default();
        *count = count.saturating_add(deployment.suites.len());
    }
    say(&format!(
        "{} sites written to {}: {} suites share one, {} stand alone (README.md there says why and what to do next)\n",
        deployments.len(),
        args.out.display(),
        counts.get("shared").unwrap_or(&0),
        counts.get("single").unwrap_or(&0)
    ));
    Ok(ExitStatus::AsExpected)
}

fn first_suite(deployment: &Deployment<'_>) -> String {
    match deployment.suites.as_slice() {
        [(suite, _)] => suite.id.clone(),
        _ => "(several)".to_owned(),
    }
}

const README: &str = "# Gatecheck bundles

Each folder holds a `site/` to deploy as it is and a `manifest.json` that tells the runner which suites it holds, under which path prefix, and what the
gate has to be told.

1. Deploy `bundle-1/site` to the gate that you want to check.
2. Give the gate the HS256 secret and the role path that stand in `bundle-1/manifest.json`; where a manifest has `public-key` or `jwks`, that in the place of the secret, and `algorithms`, `audience` and `issuer` where it has them. The secret is a published test value: never use it for anything else.
3. `gatecheck run https://your-deploy.example --bundle bundle-1/manifest.json`
4. The other bundles need other settings or the root of a site; deploy them one after the other, or leave them out: the report says what was not asked.

| bundle | cases | suite | secret | role path | why it is separate |
| --- | --- | --- | --- | --- | --- |
{rows}
";
