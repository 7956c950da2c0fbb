//! `--git`: Git Gateway beside the identity service, for whoever brings its tokens.

use std::sync::Arc;

use clap::Args;
use rolegate_identity::Tokens;
use rolegate_identity::git::{GitGateway, GitHandler, GitOptions};

use super::Failure;

/// A repository that editors write to.
#[derive(Args, Debug)]
pub(super) struct GitArgs {
    /// Serve Git Gateway under /.netlify/git, for a CMS such as Decap: editors save to BRANCH of the repository REPO, which is
    /// bare or a work tree [default BRANCH: that of HEAD]
    #[arg(long, value_name = "REPO[:BRANCH]", requires = "identity")]
    git: Option<String>,
    /// A role that may edit; several with commas between [default: everybody who is logged in]
    #[arg(long, value_name = "ROLE", value_delimiter = ',', requires = "git")]
    git_roles: Vec<String>,
    /// A folder or file that editors may write, from the root of the repository; several with commas between
    #[arg(long, value_name = "PATH", value_delimiter = ',', requires = "git", default_values = GitOptions::CONTENT)]
    git_content: Vec<String>,
    /// A file that decides who gets in, or what runs, and that editors may write all the same; can be given several times
    #[arg(long, value_name = "PATH", requires = "git")]
    git_allow_gate_file: Vec<String>,
}

impl GitArgs {
    /// Opens the gateway, for pages of `origins` too, and says who may write what.
    pub(super) fn open(&self, tokens: Arc<dyn Tokens>, origins: &[String]) -> Result<Option<Arc<GitHandler>>, Failure> {
        let Some(git) = &self.git else { return Ok(None) };
        let options = GitOptions {
            roles: self.git_roles.clone(),
            content: self.git_content.clone(),
            allowed: self.git_allow_gate_file.clone(),
            ..GitOptions::of(git)
        };
        let gateway = GitGateway::open(options).map_err(|error| Failure::refused(error.to_string()))?;
        for note in gateway.notes() {
            anstream::eprintln!("git gateway: {note}");
        }
        Ok(Some(Arc::new(GitHandler::new(gateway, tokens, origins.to_vec()))))
    }
}
