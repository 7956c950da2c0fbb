//! Whether a page is another build of one that lies here.

/// Whether a page is the local one, built or injected into by the host: a third of its telling lines stand there.
#[must_use]
pub fn is_alike(here: &[u8], there: &[u8]) -> bool {
    let lines: Vec<&[u8]> = here
        .split(|byte| matches!(byte, b'\n' | b'>'))
        .map(<[u8]>::trim_ascii)
        .filter(|line| line.len() >= 12 && !line.starts_with(b"<!"))
        .collect();
    let found = lines.iter().filter(|line| memchr::memmem::find(there, line).is_some()).count();
    !lines.is_empty() && found.saturating_mul(3) >= lines.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_built_otherwise() {
        let here = b"<!doctype html>\n<title>Home of the club</title>\n<p>Everybody is welcome on Tuesdays.</p>\n";
        let there = b"<!DOCTYPE html><html><head><script>x</script><title>Home of the club</title></head><p>Everybody is welcome on Tuesdays.</p>";
        assert!(is_alike(here, there));
        assert!(!is_alike(here, b"<!doctype html><title>It works!</title>"));
    }
}
