//! Mails: what they say, and the folder that they are put into instead of being sent.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::DateTime;

use crate::Moment;
use crate::secrets::token;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Confirm the address of a new account.
    Confirmation,
    /// Come in.
    Invite,
    /// Choose a new password.
    Recovery,
    /// Confirm a new address.
    EmailChange,
}

/// A mail to one person, with the one link that it is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who gets it.
    pub to: String,
    /// What it is about.
    pub subject: Subject,
    /// What it asks to open. Whoever has the link has what it opens.
    pub link: String,
}

impl fmt::Debug for Mail {
    /// The link is not shown: it opens something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("to", &self.to).field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Subject {
    /// GoTrue's subject line.
    pub fn line(self) -> &'static str {
        match self {
            Subject::Confirmation => "Confirm Your Signup",
            Subject::Invite => "You have been invited",
            Subject::Recovery => "Reset Your Password",
            Subject::EmailChange => "Confirm Email Change",
        }
    }

    /// The name in the fragment by which the clients know what the token is for.
    fn fragment(self) -> &'static str {
        match self {
            Subject::Confirmation => "confirmation_token",
            Subject::Invite => "invite_token",
            Subject::Recovery => "recovery_token",
            Subject::EmailChange => "email_change_token",
        }
    }

    fn request(self) -> &'static str {
        match self {
            Subject::Confirmation => "Follow this link to confirm your account:",
            Subject::Invite => "You have been invited to create an account. Follow this link to accept the invitation:",
            Subject::Recovery => "Follow this link to reset the password of your account:",
            Subject::EmailChange => "Follow this link to confirm the new address of your account:",
        }
    }
}

impl Mail {
    /// The mail with a link to the page at `path` of a site.
    pub fn new(to: &str, subject: Subject, origin: &str, path: &str, token: &str) -> Mail {
        Mail { to: to.to_owned(), subject, link: format!("{origin}{path}#{}={token}", subject.fragment()) }
    }

    /// The message in full (RFC 5322).
    pub fn message(&self, now: Moment, id: &str) -> String {
        let date = i64::try_from(now.seconds()).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let date = date.unwrap_or_default().to_rfc2822();
        format!(
            "Date: {date}\r\n\
             From: Identity <identity@localhost>\r\n\
             To: {to}\r\n\
             Subject: {subject}\r\n\
             Message-ID: <{id}@localhost>\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             \r\n\
             {request}\r\n\
             \r\n\
             {link}\r\n",
            to = self.to,
            subject = self.subject.line(),
            request = self.subject.request(),
            link = self.link,
        )
    }
}

/// Takes mails.
pub trait Mailbox: Send + Sync + fmt::Debug {
    /// Takes a mail. When this returns it lies there.
    ///
    /// # Errors
    /// Why it does not.
    fn deliver(&self, mail: &Mail, now: Moment) -> io::Result<()>;

    /// The newest messages, the newest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn newest(&self, limit: usize) -> io::Result<Vec<String>>;
}

/// A mailbox in a folder: a file `TIME-ID.eml` for each mail.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A mailbox in this folder, which is made where it is not there. Its owner alone reads what is in it: whoever has a
    /// link has what it opens.
    ///
    /// # Errors
    /// Where it cannot be made, or is somebody else's.
    pub fn open(path: &Path) -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        #[cfg(unix)]
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Folder { path: path.to_owned() })
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(".eml")));
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl Mailbox for Folder {
    fn deliver(&self, mail: &Mail, now: Moment) -> io::Result<()> {
        let id = token().map_err(io::Error::other)?;
        let name = format!("{:020}-{id}.eml", now.micros());
        // Under another name first, so that nobody reads half a mail.
        let part = self.path.join(format!(".{name}.part"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(mail.message(now, &id).as_bytes())?;
        fs::rename(&part, self.path.join(name))
    }

    fn newest(&self, limit: usize) -> io::Result<Vec<String>> {
        let read = |name: &String| fs::read(self.path.join(name));
        let texts = self.names()?.iter().rev().take(limit).map(read).collect::<io::Result<Vec<_>>>()?;
        // What somebody else has put there need not be text.
        Ok(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_lies_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Folder::open(&folder.path().join("mail")).unwrap();
        let mail = Mail::new("a@b.example", Subject::Recovery, "http://site.localhost:8888", "/", "T0ken");
        assert!(!format!("{mail:?}").contains("T0ken"));
        mailbox.deliver(&mail, Moment::from_seconds(1_764_450_000)).unwrap();
        mailbox.deliver(&Mail { to: "c@d".to_owned(), ..mail }, Moment::from_seconds(1_764_450_001)).unwrap();
        let newest = mailbox.newest(10).unwrap();
        assert!(newest[0].contains("To: c@d\r\n"));
        let message = &newest[1];
        assert!(message.starts_with("Date: Sat, 29 Nov 2025 21:00:00 +0000\r\nFrom:"), "{message}");
        assert!(message.contains("\r\nTo: a@b.example\r\nSubject: Reset Your Password\r\n"));
        assert!(message.ends_with("\r\n\r\nhttp://site.localhost:8888/#recovery_token=T0ken\r\n"));
        assert_eq!(mailbox.newest(1).unwrap().len(), 1);
        fs::write(mailbox.path.join("9.eml"), b"To: a\r\n\r\n\xff").unwrap();
        assert_eq!(mailbox.newest(1).unwrap(), ["To: a\r\n\r\n\u{fffd}"]);
    }

    /// The folder around it may be made by hand, for `identity.toml`, and be open to everybody.
    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_a_mail() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let mailbox = Folder::open(&path).unwrap();
        let mail = Mail::new("a@b.example", Subject::Recovery, "http://site.localhost:8888", "/", "T0ken");
        mailbox.deliver(&mail, Moment::from_seconds(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join(&mailbox.names().unwrap()[0]))), (0o700, 0o600));
    }
}
