//! Where random octets come from: a seam, so that everything above is reproducible in a test.

/// A source of random octets fit for keys.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random octets.
    fn fill(&self, out: &mut [u8]);
}

/// The operating system's generator, by way of the backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        aws_lc_rs::rand::fill(out).expect("the operating system provides randomness");
    }
}
