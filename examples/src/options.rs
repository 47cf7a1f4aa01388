//! Options of the example agents: `--name VALUE`, else an environment variable, else nothing. Enough
//! for programs that people copy, without a dependency.

/// The command line.
pub struct Options {
    prefix: &'static str,
    args: Vec<String>,
}

impl Options {
    /// Reads the command line; the environment variable of `--peer` is then `PREFIX_PEER`.
    pub fn from_args(prefix: &'static str) -> Self {
        let args = std::env::args().skip(1).collect();
        Self { prefix, args }
    }

    /// The value of `--name`.
    pub fn value(&self, name: &str) -> Option<String> {
        let option = format!("--{name}");
        let at = self.args.iter().position(|arg| *arg == option);
        let given = at.and_then(|at| self.args.get(at + 1).cloned());
        given.or_else(|| std::env::var(self.variable(name)).ok())
    }

    /// The value of `--name`, as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }

    /// Every value of `--name`, which may be repeated.
    pub fn values(&self, name: &str) -> Vec<String> {
        let option = format!("--{name}");
        let pairs = self.args.windows(2).filter(|pair| pair[0] == option);
        pairs.map(|pair| pair[1].clone()).collect()
    }

    /// True if `--name` was given.
    pub fn flag(&self, name: &str) -> bool {
        let option = format!("--{name}");
        self.args.contains(&option) || std::env::var_os(self.variable(name)).is_some()
    }

    fn variable(&self, name: &str) -> String {
        format!("{}_{}", self.prefix, name.to_uppercase().replace('-', "_"))
    }
}
