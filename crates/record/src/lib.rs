//! What a Comity node can prove: digests, entries, Merkle tree, checkpoints, receipts, evidence bundles and their offline verifier.
