//! Every input that was ever worth keeping still holds, without libFuzzer and on any machine.

use std::fs;
use std::path::Path;

use comity_fuzz::{TARGETS, Target};

/// The octets of every file of a corpus.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let files =
        fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    files
        .map(|file| file.expect("readable").path())
        .map(|path| {
            (
                path.display().to_string(),
                fs::read(path).expect("readable"),
            )
        })
        .collect()
}

#[test]
fn every_input_of_the_corpora_holds() {
    for target in TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= 5, "{} has no corpus", target.name);
        for (path, input) in inputs {
            assert!(
                input.len() <= target.max_len,
                "{path} is longer than the target reads"
            );
            let ended = std::panic::catch_unwind(|| (target.run)(&input));
            assert!(ended.is_ok(), "a finding in {}: {path}", target.name);
        }
    }
}

#[test]
fn every_seed_holds_and_is_worth_its_place() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty());
        for seed in seeds.iter().chain(&[vec![], vec![0], vec![255; 64]]) {
            (target.run)(seed);
        }
    }
}

#[test]
fn the_dearest_inputs_hold() {
    for target in TARGETS {
        for input in (target.heavy)() {
            (target.run)(&input);
        }
    }
}

#[test]
fn corpora_belong_to_targets() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for entry in fs::read_dir(directory).expect("there are corpora") {
        let name = entry.expect("readable").file_name();
        assert!(
            TARGETS.iter().any(|target| *target.name == *name),
            "{name:?} is no target"
        );
    }
}
