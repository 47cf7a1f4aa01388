//! The comity command: node, operator's tools, shell agent, offline verifier, demo.

fn main() {}
