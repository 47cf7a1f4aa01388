//! Keys, signatures, key agreement, JWS and JWE over bytes, and strict JSON: the ground under Comity.
