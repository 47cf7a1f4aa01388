//! Runs test vectors of DIDComm, JOSE and DID methods against Comity.

fn main() {}
