//! Files that are read whole: regular ones, bounded, and where that matters inside the site.
//!
//! RULES-15: a FIFO would never end, a device would fill the memory, and what the system makes up about a process holds
//! its environment. None of them is opened, and nothing is read beyond a bound.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The most bytes that a file of rules or header fields may hold.
pub(crate) const MOST_RULES: u64 = 16 * 1024 * 1024;
/// The most bytes that a secret, a key, a key set or a certificate chain may hold.
pub(crate) const MOST_KEYS: u64 = 1024 * 1024;
/// The most bytes that a database of countries may hold.
pub(crate) const MOST_COUNTRIES: u64 = 1024 * 1024 * 1024;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 5;

/// What the regular file at `path` holds, which may be reached through links.
///
/// # Errors
/// Where there is none, it is not a regular file, holds more than `most` bytes, or more or fewer than the system says: it
/// is being written, or what it holds is made up while it is read.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    for _ in 0..ATTEMPTS {
        let (file, metadata) = open_regular(path)?;
        if metadata.len() > most {
            return Err(too_long(most));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let length = bytes.len() as u64;
        if length > most {
            return Err(too_long(most));
        }
        if length == metadata.len() {
            return Ok(bytes);
        }
    }
    Err(refused("it holds more or less than the system says; it is being written, or it is not an ordinary file"))
}

/// What the file at `path` holds, which lies in one of `folders`; `None` where there is no such name.
///
/// # Errors
/// As [`read`], and where the name is a link that leads nowhere or out of these folders. An absent file and a link to one are
/// not the same: somebody meant the link.
pub(crate) fn read_within(path: &Path, folders: &[PathBuf], most: u64) -> io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    // What was there and is gone a moment later is not absent either.
    let gone = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => refused("it is a link that leads nowhere; take it away, or put the file there"),
        _ => error,
    };
    let real = fs::canonicalize(path).map_err(gone)?;
    // One that is not there holds nothing.
    if !folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()).any(|folder| real.starts_with(folder)) {
        return Err(refused("it is a link that leads out of the site; put the file itself there"));
    }
    read(&real, most).map(Some).map_err(gone)
}

/// Opens the regular file at `path`, and never waits for somebody at the other end of it.
///
/// # Errors
/// Where it cannot be opened, or is not a regular file.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Before it is opened, since that alone makes some devices do something; and again, if another took its place.
    regular(fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = regular(file.metadata()?)?;
    Ok((file, metadata))
}

fn regular(metadata: Metadata) -> io::Result<Metadata> {
    if metadata.is_file() { Ok(metadata) } else { Err(refused("it is not a regular file; put what it holds into one")) }
}

fn too_long(most: u64) -> io::Error {
    io::Error::new(ErrorKind::FileTooLarge, format!("it holds more than {} MiB", most / (1024 * 1024)))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read_inside(folder: &Path, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        read_within(&folder.join(name), &[folder.to_owned()], most)
    }

    #[test]
    fn rules_15_a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_inside(folder.path(), "b", 5).unwrap(), None);
        assert_eq!(read_inside(folder.path(), "a", 5).unwrap().unwrap(), b"12345");
        assert!(read(folder.path(), 5).unwrap_err().to_string().contains("not a regular file"));
    }

    #[cfg(unix)]
    #[test]
    fn rules_15_links_and_what_is_no_file() {
        use std::os::unix::fs::symlink;
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        fs::write(outside.path().join("rules"), "x").unwrap();
        fs::create_dir_all(at("..data")).unwrap();
        fs::write(at("..data/rules"), "inside").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("..data/rules", at("inside")).unwrap();
        symlink("inside", at("chain")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        symlink(outside.path().join("rules"), at("outside")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("/proc/self/environ", at("environ")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("fifo")).status();
        let read = |name: &str| read_inside(folder.path(), name, 1024);
        assert_eq!(read("inside").unwrap().unwrap(), b"inside");
        assert_eq!(read("chain").unwrap().unwrap(), b"inside");
        for (name, why) in [
            ("dangling", "leads nowhere"),
            ("circle", ""),
            ("outside", "out of the site"),
            ("zero", "out of the site"),
            ("environ", "out of the site"),
            ("folder", "not a regular file"),
        ] {
            let error = read(name).unwrap_err();
            assert!(error.to_string().contains(why), "{name}: {error}");
            assert_ne!(error.kind(), ErrorKind::NotFound, "{name} would count as absent");
        }
        match made {
            Ok(status) if status.success() => assert!(read("fifo").unwrap_err().to_string().contains("regular")),
            _ => drop(writeln!(std::io::stderr(), "SKIPPED: there is no mkfifo")),
        }
        // The same by its own name: a file that says it is empty and is not.
        for (path, why) in [("/dev/zero", "not a regular file"), ("/proc/self/environ", "more or less than")] {
            if Path::new(path).exists() {
                let error = super::read(Path::new(path), 1024 * 1024).unwrap_err().to_string();
                assert!(error.contains(why), "{path}: {error}");
            }
        }
    }
}
