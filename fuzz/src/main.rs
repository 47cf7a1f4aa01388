//! The program that `fuzz/run` builds: libFuzzer around the target that `COMITY_FUZZ` names.
//!
//! `main` is libFuzzer's own, and so are the arguments.
#![no_main]

use std::sync::OnceLock;

use comity_fuzz::{TARGETS, Target, target};

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(|| {
        let name = std::env::var("COMITY_FUZZ").unwrap_or_default();
        target(&name).unwrap_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            eprintln!("set COMITY_FUZZ to one of: {}", names.join(" "));
            std::process::exit(2)
        })
    })
}

libfuzzer_sys::fuzz_target!(init: { chosen(); }, |data: &[u8]| (chosen().run)(data));
