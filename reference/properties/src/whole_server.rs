//! The whole server, in memory: sequences of requests, reloads, changes of keys and answers of upstreams.
//!
//! One sentence is held: no byte of a protected file reaches a visitor who is denied it, directly or through a shared cache,
//! and every request gets an answer, or its connection ends, within bounded work. Each protected file is filled with one byte
//! that stands nowhere else, so that a single byte of it is seen. Who may have it is asked twice: of the definition
//! (`decide` on the list of rules in force between the request's first byte and the answer's last), and of the author's
//! intention, which stands beside the rules in `worlds` and knows of tokens only whether their text was sent.

mod answers;
mod frames;
mod http1;
mod http2;
mod requests;
mod script;
mod upstream;
mod verdict;
mod worlds;

use std::io;
use std::path::Path;

use worlds::Worlds;

/// Servers over a few sites, made once; each run begins with the first rules and keys.
#[derive(Debug)]
pub struct WholeServer {
    worlds: Worlds,
}

impl WholeServer {
    /// Makes them; `folder` gets the files of the site.
    ///
    /// # Errors
    /// Where the files cannot be written or read again.
    pub fn in_folder(folder: &Path) -> io::Result<WholeServer> {
        Ok(WholeServer { worlds: Worlds::open(folder)? })
    }

    /// ROLE-3, NOLEAK-2, NOLEAK-4, RULES-14: plays what `bytes` say. Wants a runtime of one thread whose time stands still
    /// while there is something to do.
    pub async fn play(&mut self, bytes: &[u8]) -> Tally {
        script::play(&self.worlds, bytes).await
    }
}

/// What a run came to: one that sees nothing proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Answers that were held to their requests.
    pub answers: usize,
    /// How often something of a protected file came to somebody who may have it.
    pub shown: usize,
    /// Connections whose bytes were looked through as a whole.
    pub noise: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(server: &mut WholeServer, bytes: &[u8]) -> Tally {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(server.play(bytes))
    }

    #[test]
    fn a_run_gets_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut server = WholeServer::in_folder(folder.path()).unwrap();
        // The first rules; one request on a new connection: for the first protected file, with the first token.
        let admitted = play(&mut server, b"00000000000000010000000");
        assert_eq!(admitted, Tally { answers: 1, shown: 1, noise: 0 });
        // The same, without a token.
        let denied = play(&mut server, b"0000000000000000000");
        assert_eq!(denied, Tally { answers: 1, shown: 0, noise: 0 });
        // The same over HTTP/2.
        let admitted = play(&mut server, b"00400000000010000000");
        assert_eq!(admitted, Tally { answers: 1, shown: 1, noise: 0 });
        // The server in front asks for somebody who may, and shows what it has.
        let admitted = play(&mut server, b"310000100q0000010010000");
        assert_eq!(admitted, Tally { answers: 1, shown: 1, noise: 0 });
        // Random runs of each kind of server see all that there is to see.
        let mut state = 1_u32;
        for kind in [b'0', b'2', b'3'] {
            let mut sum = Tally::default();
            for _ in 0..100 {
                let bytes = std::iter::from_fn(|| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    Some((state >> 24) as u8)
                });
                let tally = play(&mut server, &[&[kind], bytes.take(200).collect::<Vec<_>>().as_slice()].concat());
                sum.answers += tally.answers;
                sum.shown += tally.shown;
                sum.noise += tally.noise;
            }
            assert!(
                sum.answers > 100 && (sum.shown > 0 || kind == b'3') && sum.noise > 10,
                "{}: {sum:?}",
                kind as char
            );
        }
    }
}
