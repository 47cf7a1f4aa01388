//! HChaCha20, the step by which XChaCha20 turns a 24-octet nonce into a fresh key
//! (draft-irtf-cfrg-xchacha-03 §2.2). The backend has ChaCha20-Poly1305 but not this.

use zeroize::Zeroizing;

/// Derives the key for the rest of the nonce.
pub(super) fn hchacha20(key: &[u8; 32], nonce: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    let mut state = Zeroizing::new([0_u32; 16]);
    state[..4].copy_from_slice(&CONSTANTS);
    for (word, octets) in state[4..]
        .iter_mut()
        .zip(key.chunks_exact(4).chain(nonce.chunks_exact(4)))
    {
        *word = u32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]);
    }
    for _ in 0..10 {
        for [a, b, c, d] in COLUMNS_THEN_DIAGONALS {
            quarter_round(&mut state, a, b, c, d);
        }
    }
    let mut out = Zeroizing::new([0; 32]);
    let words = state[..4].iter().chain(&state[12..]);
    for (octets, word) in out.chunks_exact_mut(4).zip(words) {
        octets.copy_from_slice(&word.to_le_bytes());
    }
    out
}

fn quarter_round(state: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(16);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(12);
    state[a] = state[a].wrapping_add(state[b]);
    state[d] = (state[d] ^ state[a]).rotate_left(8);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_left(7);
}

/// `expand 32-byte k`
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

const COLUMNS_THEN_DIAGONALS: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];
