//! Writes the inputs that fuzzing starts from: `comity-fuzz-seeds DIRECTORY` makes one directory for
//! each target, `--heavy` adds the inputs at the limits, `--names` prints names and longest inputs.

use std::error::Error;
use std::fs;
use std::path::Path;

use comity_fuzz::TARGETS;
use comity_jose::sha256;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if is("--names") {
        for target in TARGETS {
            println!("{} {}", target.name, target.max_len);
        }
        return Ok(());
    }
    let directory = arguments.iter().find(|argument| !argument.starts_with('-'));
    let directory = Path::new(directory.ok_or("usage: comity-fuzz-seeds DIRECTORY [--heavy]")?);
    for target in TARGETS {
        let directory = directory.join(target.name);
        fs::create_dir_all(&directory)?;
        let mut inputs = (target.seeds)();
        if is("--heavy") {
            inputs.extend((target.heavy)());
        }
        for input in inputs {
            let name: String = sha256(&[&input])[..10]
                .iter()
                .map(|octet| format!("{octet:02x}"))
                .collect();
            fs::write(directory.join(name), input)?;
        }
    }
    Ok(())
}
