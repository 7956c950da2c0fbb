//! `gatecheck`: see `gatecheck --help`.
#![forbid(unsafe_code)]

fn main() -> gatecheck::exit::ExitStatus {
    gatecheck_cli::main()
}
