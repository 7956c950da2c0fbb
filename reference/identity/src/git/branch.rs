//! The branches that are there for authors: the published one, and drafts of the editorial workflow.

/// A branch that authors may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Branch {
    name: String,
    is_draft: bool,
}

impl Branch {
    /// Reads a name; `None` where it is neither the published branch nor a draft.
    ///
    /// Drafts are `cms/…`, and `cms_DIGITS/…`, under which the CMS puts aside a draft that it is about to replace.
    pub fn read(name: &str, published: &str) -> Option<Branch> {
        if name == published {
            return Some(Branch { name: name.to_owned(), is_draft: false });
        }
        (is_draft(name) && is_plain(name)).then(|| Branch { name: name.to_owned(), is_draft: true })
    }

    /// Its name, such as `main`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ref, such as `refs/heads/main`.
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.name)
    }

    /// Whether it is a draft, and not what is published.
    pub fn is_draft(&self) -> bool {
        self.is_draft
    }
}

fn is_draft(name: &str) -> bool {
    name.strip_prefix("cms").and_then(|rest| rest.split_once('/')).is_some_and(|(mark, rest)| {
        let digits = mark.strip_prefix('_').unwrap_or_default();
        !rest.is_empty()
            && (mark.is_empty() || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())))
    })
}

/// Whether this can be a branch that the gateway serves. Stricter than `git check-ref-format`, and so within it.
pub fn is_plain(name: &str) -> bool {
    let is_odd = |character: char| {
        character.is_control()
            || character.is_whitespace()
            || matches!(character, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    name.len() <= 244
        && name != "HEAD"
        && !name.starts_with('-')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(is_odd)
        && name.split('/').all(|part| {
            !part.is_empty()
                && part != "@"
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.ends_with(".lock")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_branches_are_there() {
        let read = |name| Branch::read(name, "main").map(|branch| branch.is_draft());
        assert_eq!(read("main"), Some(false));
        for name in ["cms/posts/a", "cms/a", "cms/posts/été", "cms_1700000000000/posts/a"] {
            assert_eq!(read(name), Some(true), "{name}");
        }
        for name in [
            "",
            "master",
            "Main",
            "cms",
            "cms/",
            "CMS/a",
            "cmsx/a",
            "cms_/a",
            "cms_x/a",
            "refs/heads/main",
            "cms/../main",
            "cms/a..b",
            "cms//a",
            "cms/a/",
            "cms/a.lock",
            "cms/.a",
            "cms/a.",
            "cms/a b",
            "cms/a~1",
            "cms/a^",
            "cms/a:b",
            "cms/@",
            "cms/a@{1}",
            "cms/a\\b",
            "cms/a\0",
            "cms/a\n",
            "HEAD",
            "-x",
        ] {
            assert_eq!(read(name), None, "{name:?}");
        }
    }
}
